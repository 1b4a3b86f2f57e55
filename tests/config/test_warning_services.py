"""The setting ``warnings``: the services that are asked for official warnings."""

from __future__ import annotations

import pytest

from tests.config.parsing import get_rejection, settings


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("", "off"),
        ("warnings: off", "off"),
        ("warnings: auto", "auto"),
        ("warnings: nws", ("nws",)),
        ("warnings: [bright-sky, nws]", ("bright-sky", "nws")),
        ("warnings: [auto]", "auto"),
    ],
)
def test_services_of_official_warnings(text: str, services: object) -> None:
    """They are off by default; a list has these services in this order."""
    assert settings(text).warnings == services


def test_official_warnings_by_a_variable() -> None:
    """A variable has words separated by commas."""
    assert settings("", {"WEATHERD_WARNINGS": "nws,bright-sky"}).warnings == ("nws", "bright-sky")
    assert settings("", {"WEATHERD_WARNINGS": "auto"}).warnings == "auto"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("warnings: on", "auto, off, or a list of nws, bright-sky, met-norway"),
        ("warnings: true", "auto, off, or a list of nws, bright-sky, met-norway"),
        ("warnings: []", "auto, off, or a list"),
        ("warnings: [nws, off]", "auto, off, or a list"),
        ("warnings: [nws, nws]", "should name each service once"),
        ("warnings: [open-meteo]", "auto, off, or a list"),
        ("warnings: met-norway", "met_norway.contact"),
        ("warnings: [nws, pirate-weather]", "pirate_weather.api_key"),
    ],
)
def test_mistakes_in_the_services_of_official_warnings(text: str, message: str) -> None:
    """Each has its place and says what is possible."""
    [problem] = get_rejection(text)
    assert problem.startswith("f.yaml:1:")
    assert message in problem
