"""The setting ``warnings``: the services that are asked for official warnings."""

from __future__ import annotations

import pytest

from tests.config.parsing import get_rejection, settings


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("", ()),
        ("warnings: off", ()),
        ("warnings: auto", ("nws", "bright-sky")),
        ("warnings: auto\nmet_norway: {contact: me@example.org}", ("nws", "bright-sky", "met-norway")),
        ("warnings: nws", ("nws",)),
        ("warnings: [bright-sky, nws]", ("bright-sky", "nws")),
        ("warnings: [auto]", ("nws", "bright-sky")),
    ],
)
def test_services_of_official_warnings(text: str, services: tuple[str, ...]) -> None:
    """``auto`` has those that need nothing, and MET Norway's with a contact; a list has these in this order."""
    assert settings(text).warning_services == services


def test_official_warnings_by_a_variable() -> None:
    """A variable has words separated by commas."""
    assert settings("", {"WEATHERD_WARNINGS": "nws,bright-sky"}).warning_services == ("nws", "bright-sky")
    assert settings("", {"WEATHERD_WARNINGS": "auto"}).warning_services == ("nws", "bright-sky")


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
    ],
)
def test_mistakes_in_the_services_of_official_warnings(text: str, message: str) -> None:
    """Each has its place and says what is possible."""
    [problem] = get_rejection(text)
    assert problem.startswith("f.yaml:1:")
    assert message in problem
