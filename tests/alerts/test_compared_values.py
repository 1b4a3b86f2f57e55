"""The values that a condition compares, for programs and people."""

from __future__ import annotations

import pytest

from tests.support.fakes import observation
from weatherd.alerts.compared_values import format_values, read_values
from weatherd.alerts.language.compiler import NO_OBSERVATION, compile_expression
from weatherd.alerts.language.known_names import CityFacts
from weatherd.text.display import Display

FACTS = CityFacts(
    age=7290.0,
    down_for=0.0,
    provider_paused=True,
    latitude=54.3,
    windows={("rain", "precipitation", 86400.0): 52.08, ("change", "temperature", 10800.0): -4.0},
    warning_severity=3,
)
SEEN = observation(temperature=-2.5, wind_speed=1.2, relative_humidity=None, provider="nws")


@pytest.mark.parametrize(
    ("condition", "values", "text"),
    [
        ("temperature < 0", {"temperature": -2.5}, "27.5 °F"),
        (
            "0 < 1 + wind_speed or temperature - dew_point < 2",
            {"wind_speed": 1.2, "temperature": -2.5, "dew_point": None},
            "wind_speed 2.7 mph, temperature 27.5 °F, dew_point unknown",
        ),
        ("rain(24h) > 50", {"rain(24h)": 52.08}, "2.05 in"),
        ("change(temperature, 3h) < -3", {"change(temperature, 3h)": -4.0}, "-7.2 °F"),
        ("max(wind_gust, 6h) > 20", {"max(wind_gust, 6h)": None}, "unknown"),
        ("age > 2h", {"age": 7290.0}, "2h1m"),
        ("not provider_paused", {"provider_paused": True}, "yes"),
        ('provider == "nws" and latitude > 50', {"provider": "nws", "latitude": 54.3}, "provider nws, latitude 54.3"),
        ("warning_severity >= severe", {"warning_severity": "severe"}, "severe"),
        ("down_for > 1h", {"down_for": 0.0}, "0s"),
    ],
)
def test_values(condition: str, values: dict[str, object], text: str) -> None:
    """They are in the order of the condition, each once, in weatherd's units for programs, and else the reader's."""
    found = read_values(compile_expression(condition).node, SEEN, FACTS)
    assert list(found.items()) == list(values.items())
    assert format_values(found, Display("us")) == text


def test_without_an_observation() -> None:
    """All are unknown, but for those of the city."""
    node = compile_expression("temperature < 0 or warning_severity >= minor or latitude > 3").node
    assert read_values(node, NO_OBSERVATION, CityFacts(latitude=1.0, warning_severity=-1)) == {
        "temperature": None, "warning_severity": "none", "latitude": 1.0,
    }  # fmt: skip


def test_shares_of_built_in_rules() -> None:
    """A share is a percentage; a rule without values has no text."""
    assert format_values({"share": 0.834}, Display()) == "83%"
    assert format_values({}, Display()) == ""
