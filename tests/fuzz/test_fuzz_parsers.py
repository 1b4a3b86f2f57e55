"""Tens of thousands of corrupted responses for each parser: the result is a valid observation or a ProviderError."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.fuzz.corruption import BODIES, assert_explained, count_found, draw_corrupted
from tests.support.fakes import BERLIN, KIEL
from weatherd.errors import ProviderError
from weatherd.http.response import Response
from weatherd.observation import FIELDS, Observation
from weatherd.providers.open_meteo import client as open_meteo
from weatherd.providers.open_meteo.client import parse_open_meteo
from weatherd.providers.open_meteo.usual_response import parse_usual_locations
from weatherd.providers.openweathermap import client as openweathermap
from weatherd.providers.openweathermap.client import parse_openweathermap
from weatherd.providers.openweathermap.record import parse_usual_weather

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

NOW = datetime(2026, 1, 1, tzinfo=UTC)

PLACE = {
    "latitude": 54.3,
    "longitude": 10.1,
    "utc_offset_seconds": 3600,
    "current_units": {"time": "iso8601", "temperature_2m": "°C", "wind_speed_10m": "km/h"},
    "current": {
        "time": "2026-01-01T01:15",
        "temperature_2m": -3.5,
        "relative_humidity_2m": 81,
        "apparent_temperature": -7.5,
        "weather_code": 71,
        "cloud_cover": 100,
        "pressure_msl": 1002.5,
        "wind_speed_10m": 4.25,
        "wind_direction_10m": 359,
        "wind_gusts_10m": 11,
    },
    "minutely_15_units": {"time": "iso8601", "precipitation": "mm"},
    "minutely_15": {
        "time": [f"2026-01-01T{time}" for time in ("00:30", "00:45", "01:00", "01:15")],
        "precipitation": [0.1, 0, 0.123456789123, 0.2],
    },
}
WEATHER = {
    "weather": [
        {"id": 601, "main": "Snow", "description": "лёгкий снег"},
        {"id": 701, "main": "Mist", "description": "mist"},
    ],
    "main": {"temp": 269.65, "feels_like": 265, "pressure": 1002, "humidity": 81, "sea_level": 1004},
    "visibility": 800,
    "wind": {"speed": 4.25, "deg": 359, "gust": 11},
    "rain": None,
    "snow": {"1h": 0.4},
    "clouds": {"all": 100},
    "dt": 1767225600,
    "cod": 200,
}
USUAL_PLACE = PLACE | {
    "current_units": {"time": "unixtime", "temperature_2m": "°C", "wind_speed_10m": "m/s"},
    "current": PLACE["current"] | {"time": 1767226500, "temperature_2m": -3.123456789123},  # type: ignore[operator]
    "minutely_15": PLACE["minutely_15"] | {"time": [1767226500 - 900 * n for n in (3, 2, 1, 0)]},  # type: ignore[operator]
}
USUAL_WEATHER = WEATHER | {
    "main": {"temp": -3.5, "feels_like": -8, "pressure": 1002, "humidity": 81.123456789123, "sea_level": 1004},
    "rain": {"1h": 0.1, "3h": 1},
    "snow": {"1h": 0.2},
}
SEEDS: dict[str, list[Any]] = {
    "open-meteo": [
        *(PLACE, [PLACE, PLACE | {"location_id": 1}], {"error": True, "reason": "Invalid timezone"}),
        *(USUAL_PLACE, [USUAL_PLACE, USUAL_PLACE | {"location_id": 1}]),
    ],
    "openweathermap": [WEATHER, USUAL_WEATHER, {"cod": "404", "message": "city not found"}],
}
TOO_LONG = re.compile(rb"[0-9]{4301}")  # digits, for int()


def assert_valid(found: Observation) -> None:
    """Check that every number is finite, every time in UTC, and the description one line."""
    for name in FIELDS:
        value = getattr(found, name)
        assert not isinstance(value, float) or math.isfinite(value), (name, value)
        assert not isinstance(value, bool), name
        assert not isinstance(value, datetime) or value.utcoffset() == NOW.utcoffset(), name
    assert type(found.temperature) is float
    assert found.description
    assert found.description.isprintable()


def open_meteo_outcomes(response: Response) -> list[Observation | ProviderError]:
    """Parse for one city, and for two."""
    found: list[Observation | ProviderError] = []
    for cities in ([KIEL], [KIEL, BERLIN]):
        try:
            parsed = parse_open_meteo(cities, response, NOW)
        except ProviderError as error:
            parsed = [error] * len(cities)
        assert len(parsed) == len(cities)
        found += parsed
    return found


def openweathermap_outcomes(response: Response) -> list[Observation | ProviderError]:
    """Parse for one city."""
    try:
        return [parse_openweathermap(KIEL, response, NOW)]
    except ProviderError as error:
        return [error]


def open_meteo_both_ways(body: bytes) -> tuple[list[Observation] | None, list[Any]]:
    """Parse with types, and value by value."""
    usual = parse_usual_locations([KIEL, BERLIN], body, NOW)
    usual = usual or parse_usual_locations([KIEL], body, NOW)
    if usual is None:
        return None, []
    return usual, [*open_meteo._parse_tolerantly([KIEL, BERLIN][: len(usual)], Response(200, body), NOW)]


def openweathermap_both_ways(body: bytes) -> tuple[list[Observation] | None, list[Any]]:
    """Parse with types, and value by value."""
    usual = parse_usual_weather(KIEL, body, NOW)
    return (
        (None, []) if usual is None else ([usual], [openweathermap._parse_tolerantly(KIEL, Response(200, body), NOW)])
    )


BOTH_WAYS = {"open-meteo": open_meteo_both_ways, "openweathermap": openweathermap_both_ways}


def compare_both_ways(service: str, bodies: list[bytes]) -> int:
    """Compare the results for corrupted bodies; return how many were of the usual form."""
    usual_bodies = [body for body in bodies if BOTH_WAYS[service](body)[0]]
    usual_forms = 0
    for body in draw_corrupted(usual_bodies, f"both {service}"):
        if TOO_LONG.search(body):
            continue  # the only difference: an ignored number that int() would not parse
        try:
            usual, tolerant = BOTH_WAYS[service](body)
            if usual is not None:
                usual_forms += 1
                assert usual == tolerant
                assert [[*map(type, found)] for found in usual] == [[*map(type, found)] for found in tolerant]
        except Exception as error:
            error.add_note(repr(body[:2000]))
            raise
    return usual_forms


PARSERS = {"open-meteo": open_meteo_outcomes, "openweathermap": openweathermap_outcomes}


def count_weather(service: str, bodies: list[bytes]) -> int:
    """Return how many valid observations corrupted bodies have; every failure is explained."""

    def parse(status: int, body: bytes) -> int:
        weather = 0
        for found in PARSERS[service](Response(status, body)):
            if isinstance(found, ProviderError):
                assert_explained(found)
            else:
                assert_valid(found)
                weather += 1
        return weather

    return count_found(parse, bodies, service)


@pytest.mark.parametrize("service", PARSERS)
def test_corrupted_seeds(service: str) -> None:
    """A corrupted response has valid observations or is an explained failure."""
    bodies = [json.dumps(seed).encode() for seed in SEEDS[service]]
    assert count_weather(service, bodies) > BODIES / 20


@pytest.mark.parametrize("service", PARSERS)
def test_corrupted_recordings(service: str, recorded: Path) -> None:
    """A corrupted recorded response (small ones only) has valid observations or is an explained failure."""
    bodies = [file.read_bytes() for file in sorted((recorded / service).iterdir())]
    assert count_weather(service, [body for body in bodies if len(body) < 3000]) > BODIES / 20


@pytest.mark.parametrize("service", PARSERS)
def test_the_usual_form_has_the_same_values_parsed_tolerantly(service: str) -> None:
    """A corrupted response is not of the usual form, or both ways of parsing it return equal observations."""
    assert compare_both_ways(service, [json.dumps(seed).encode() for seed in SEEDS[service]]) > BODIES / 20


def test_the_usual_form_has_the_same_values_in_recordings(recorded: Path) -> None:
    """The same holds for corrupted recorded responses; those of Open-Meteo were requested in other units."""
    bodies = [file.read_bytes() for file in sorted((recorded / "openweathermap").iterdir())]
    assert compare_both_ways("openweathermap", [body for body in bodies if len(body) < 3000]) > BODIES / 20
