"""Values and weather as their readers see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.observation import FIELDS
from weatherd.text.display import Display
from weatherd.text.units import UNITS, convert_value, format_quantity

_WORDS = {"city", "provider", "description", "station", "code", "origin", "quality"}
NUMBERS = [name for name in FIELDS if name not in _WORDS]
QUANTITIES = [name for name in NUMBERS if not name.endswith("_at")]
NOON, MIDNIGHT = (datetime(2026, 6, 1, hour, tzinfo=UTC) for hour in (11, 23))
KIEL = (54.3, 10.1)


@pytest.mark.parametrize(
    ("field", "value", "us", "uk"),
    [
        ("temperature", 0.0, "32.0 °F", "0.0 °C"),
        ("temperature", -40.0, "-40.0 °F", "-40.0 °C"),
        ("apparent_temperature", 37.0, "98.6 °F", "37.0 °C"),
        ("pressure_msl", 1013.25, "29.92 inHg", "1013.2 hPa"),
        ("wind_speed", 44.704, "100.0 mph", "100.0 mph"),
        ("precipitation", 25.4, "1.00 in", "25.4 mm"),
        ("visibility", 16093.44, "10.0 mi", "10.0 mi"),
        ("relative_humidity", 81.0, "81 %", "81 %"),
        ("temperature", -17.8, "0.0 °F", "-17.8 °C"),
        ("temperature", None, "–", "–"),
    ],
)
def test_known_values(field: str, value: float | None, us: str, uk: str) -> None:
    """Conversions agree with the definitions of the units; zero has no sign, and a missing value is a dash."""
    assert format_quantity(value, UNITS["us"][field]) == us
    assert format_quantity(value, UNITS["uk"][field]) == uk


def test_every_quantity_has_a_unit_in_every_system() -> None:
    """An observation's numbers, except for the code, have a unit each."""
    assert {system: sorted(units) for system, units in UNITS.items()} == dict.fromkeys(UNITS, sorted(QUANTITIES))


@given(st.floats(-90, 60), st.floats(-90, 60))
def test_conversion_keeps_the_order(first: float, second: float) -> None:
    """A warmer temperature is not a lower number in degrees Fahrenheit; metric values are unchanged, not rounded."""
    fahrenheit = [convert_value(value, UNITS["us"]["temperature"]) for value in sorted((first, second))]
    assert fahrenheit == sorted(fahrenheit)
    assert convert_value(first, UNITS["metric"]["temperature"]) == first


def test_all_fields_are_converted_at_once() -> None:
    """Quantities change; missing ones, texts, times and the code do not."""
    values = {"city": "kiel", "observed_at": NOON, "code": 61, "temperature": 10.0, "wind_gust": None}
    assert Display("us").convert(values) == values | {"temperature": 50.0}


def test_words_are_in_the_language_of_the_reader() -> None:
    """They come from the code, by day and by night, in English too; weather without a code has the service's words."""
    german = Display(language="de")
    assert german.describe("clear", 0, *KIEL, NOON) == "sonnig"
    assert german.describe("clear", 0, *KIEL, MIDNIGHT) == "klar"
    assert german.describe("clear", 0, *KIEL, NOON.astimezone() + timedelta(hours=12)) == "klar"
    assert german.describe("odd", None, *KIEL, NOON) == "odd"
    assert german.describe("odd", 42, *KIEL, NOON) == "odd"
    assert Display().describe("fine", 0, *KIEL, NOON) == "sunny"
    assert Display().describe("fine", 0, *KIEL, MIDNIGHT) == "clear"
    assert Display().describe("slight rain", 61, *KIEL, NOON) == "light rain"
    assert Display().describe("odd", None, *KIEL, NOON) == "odd"
