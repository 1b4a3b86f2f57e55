"""The bounds of each value of an observation, in the parsers of two providers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.fakes import KIEL
from tests.support.virtual_time import EPOCH
from weatherd.http.response import Response
from weatherd.observation import Observation
from weatherd.providers.open_meteo.client import parse_open_meteo
from weatherd.providers.openweathermap.client import parse_openweathermap

BOUNDS: dict[str, tuple[float, float]] = {
    "temperature": (-100, 70),
    "apparent_temperature": (-120, 90),
    "relative_humidity": (0, 110),
    "pressure_msl": (800, 1150),
    "wind_speed": (0, 150),
    "wind_direction": (0, 360),
    "wind_gust": (0, 150),
    "precipitation": (0, 1000),
    "cloud_cover": (0, 100),
    "visibility": (0, 1_000_000),
}
OPEN_METEO = {
    "temperature": "temperature_2m",
    "apparent_temperature": "apparent_temperature",
    "relative_humidity": "relative_humidity_2m",
    "pressure_msl": "pressure_msl",
    "wind_speed": "wind_speed_10m",
    "wind_direction": "wind_direction_10m",
    "wind_gust": "wind_gusts_10m",
    "precipitation": "minutely_15",
    "cloud_cover": "cloud_cover",
}
OPENWEATHERMAP = {
    "temperature": ("main", "temp"),
    "apparent_temperature": ("main", "feels_like"),
    "relative_humidity": ("main", "humidity"),
    "pressure_msl": ("main", "pressure"),
    "wind_speed": ("wind", "speed"),
    "wind_direction": ("wind", "deg"),
    "wind_gust": ("wind", "gust"),
    "precipitation": ("rain", "1h"),
    "cloud_cover": ("clouds", "all"),
}


def open_meteo_value(field: str, value: float) -> Any:
    """Return the value of *field* in the observation, or None."""
    document: dict[str, Any] = {"current": {"time": 1767225600, "temperature_2m": 5}}
    if field == "precipitation":
        times = [1767225600 - 900 * quarter for quarter in (3, 2, 1, 0)]
        document["minutely_15"] = {"time": times, "precipitation": [0, value, 0, 0]}
    else:
        document["current"][OPEN_METEO[field]] = value
    (found,) = parse_open_meteo([KIEL], Response(200, json.dumps(document).encode()), EPOCH)
    return getattr(found, field) if isinstance(found, Observation) else None


def openweathermap_value(field: str, value: float) -> Any:
    """Return the value of *field* in the observation, or None."""
    document: dict[str, Any] = {"dt": 1767225600, "main": {"temp": 5}}
    if field == "visibility":
        document["visibility"] = value
    else:
        section, name = OPENWEATHERMAP[field]
        document[section] = document.get(section, {}) | {name: value}
    return getattr(parse_openweathermap(KIEL, Response(200, json.dumps(document).encode()), EPOCH), field)


@pytest.mark.parametrize("field", OPEN_METEO)
def test_open_meteo(field: str) -> None:
    """A value at a bound is accepted, one that is 0.01 beyond it is None."""
    low, high = BOUNDS[field]
    assert [open_meteo_value(field, value) for value in (low, high)] == [low, high]
    assert [open_meteo_value(field, value) for value in (low - 0.01, high + 0.01)] == [None, None]


@pytest.mark.parametrize("field", [field for field in BOUNDS if field != "temperature"])
def test_openweathermap(field: str) -> None:
    """A value at a bound is accepted, one that is 0.01 beyond it is None."""
    low, high = BOUNDS[field]
    assert [openweathermap_value(field, value) for value in (low, high)] == [low, high]
    assert [openweathermap_value(field, value) for value in (low - 0.01, high + 0.01)] == [None, None]
