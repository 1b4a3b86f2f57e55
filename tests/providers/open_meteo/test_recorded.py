"""Recorded responses of Open-Meteo. They belong to others: they are read in place, and skipped if missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import BERLIN, KIEL
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.observation import Observation
from weatherd.providers.open_meteo.client import parse_open_meteo

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 10, 4, 12, tzinfo=UTC)
IN_EUROPE = datetime(2025, 2, 5, 20, 15, tzinfo=UTC)  # 21:15, an hour ahead of UTC


def expected_observation(at: datetime, temperature: float, code: int, description: str, **values: float) -> Observation:
    """Return the observation expected of a file."""
    return Observation(
        city=KIEL.id,
        provider="open-meteo",
        observed_at=at,
        fetched_at=NOW,
        temperature=temperature,
        code=code,
        description=description,
        **values,  # type: ignore[arg-type]
    )


WEATHER = {
    "current_clear_night_code0_austria.json": expected_observation(
        IN_EUROPE,
        0.6,
        0,
        "clear sky",
        apparent_temperature=-2.9,
        relative_humidity=68,
        pressure_msl=1041.2,
        wind_speed=1.527777778,  # 5.5 km/h
        wind_direction=247,
        wind_gust=5.111111111,  # 18.4 km/h
        cloud_cover=0,
    ),
    "current_dense_drizzle_code55_tromso_coast_gusts.json": expected_observation(
        IN_EUROPE,
        0.9,
        55,
        "dense drizzle",
        apparent_temperature=-6.7,
        relative_humidity=90,
        pressure_msl=1008.0,
        wind_speed=10.305555556,  # 37.1 km/h
        wind_direction=227,
        wind_gust=17.388888889,  # 62.6 km/h
        cloud_cover=75,
    ),
    "current_overcast_minus7_kazakhstan.json": expected_observation(
        IN_EUROPE,
        -7.4,
        3,
        "overcast",
        apparent_temperature=-13.0,
        relative_humidity=81,
        pressure_msl=1032.6,
        wind_speed=4.333333333,  # 15.6 km/h
        wind_direction=75,
        wind_gust=6.888888889,  # 24.8 km/h
        cloud_cover=93,
    ),
    "current_partly_cloudy_code2_india.json": expected_observation(
        IN_EUROPE,
        22.7,
        2,
        "partly cloudy",
        apparent_temperature=24.3,
        relative_humidity=66,
        pressure_msl=1010.0,
        wind_speed=0.805555556,  # 2.9 km/h
        wind_direction=90,
        wind_gust=1.805555556,  # 6.5 km/h
        cloud_cover=44,
    ),
    "trimmed_snowfall_code73_ushuaia.json": expected_observation(
        datetime(2026, 8, 21, 12, tzinfo=UTC),  # 09:00, three hours behind UTC
        -0.5,
        73,
        "moderate snow fall",
        cloud_cover=91,
    ),
}
NOTHING = ("the response has no current weather", Failure.MALFORMED)
NO_JSON = ("the response is not JSON", Failure.MALFORMED)
FAILURES: dict[str, tuple[int, int, str, Failure]] = {  # status, cities, reason, failure
    "docexample_error_400_invalid_variable.txt": (400, 1, "the service responded with status 400", Failure.REJECTED),
    "docexample_forecast_object_abridged.txt": (200, 1, *NO_JSON),
    "docexample_geocoding_error_400.json": (
        400,
        1,
        "400: Parameter count must be between 1 and 100.",
        Failure.REJECTED,
    ),
    "error_400_latitude_out_of_range.json": (
        400,
        1,
        "400: Latitude must be in range of -90 to 90°. Given: 999.0.",
        Failure.REJECTED,
    ),
    "error_400_location_id_not_found.json": (400, 1, "400: Location ID not found.", Failure.REJECTED),
    "error_429_minutely.json": (
        429,
        1,
        "429: Minutely API request limit exceeded. Please try again in one minute.",
        Failure.RATE_LIMITED,
    ),
    "forecast_minutely_15.json": (200, 1, *NOTHING),
    "forecast_no_current_minimal.json": (200, 1, *NOTHING),
    "geocoding_empty.json": (200, 1, *NOTHING),
    "geocoding_enschede.json": (200, 1, *NOTHING),
    "model_meta_icon_d2.json": (200, 1, *NOTHING),  # times of a model's runs, from /data/dwd_icon_d2/static/meta.json
    "multilocation_two_daily_location_id.json": (200, 2, *NOTHING),
    "sourceform_error_400_too_many_locations.json": (
        400,
        2,
        "400: Only up to 1000 locations can be requested at once",
        Failure.REJECTED,
    ),
    "sourceform_error_429_concurrent.json": (429, 2, "429: Too many concurrent requests", Failure.CONCURRENCY_LIMITED),
    "sourceform_error_429_daily.json": (
        429,
        2,
        "429: Daily API request limit exceeded. Please try again tomorrow.",
        Failure.RATE_LIMITED,
    ),
    "sourceform_error_429_hourly.json": (
        429,
        2,
        "429: Hourly API request limit exceeded. Please try again in the next hour.",
        Failure.RATE_LIMITED,
    ),
    "trimmed_multilocation_air_quality_current_nulls.json": (
        200,
        2,
        "the response has no temperature",
        Failure.EMPTY,
    ),
    "../generic/nginx_502_bad_gateway.html": (502, 2, "the service responded with status 502", Failure.UNAVAILABLE),
}


def outcomes(body: bytes, status: int = 200, places: int = 1) -> list[Any]:
    """Return the parser's outcome for each city."""
    cities = [KIEL, BERLIN][:places]
    try:
        return list(parse_open_meteo(cities, Response(status, body), NOW))
    except ProviderError as error:
        return [error] * places


def test_every_file_has_an_expectation(recorded: Path) -> None:
    """Each recorded file has an expected result."""
    names = {file.name for file in (recorded / "open-meteo").iterdir()}
    names |= {f"../generic/{file.name}" for file in (recorded / "generic").iterdir()}
    assert names == WEATHER.keys() | FAILURES.keys()


@pytest.mark.parametrize("name", WEATHER)
def test_current_weather(recorded: Path, name: str) -> None:
    """Each value is parsed, from km/h and local time, whatever other sections the response has."""
    assert outcomes((recorded / "open-meteo" / name).read_bytes()) == [WEATHER[name]]


@pytest.mark.parametrize(("name", "expected"), FAILURES.items())
def test_no_current_weather(recorded: Path, name: str, expected: tuple[int, int, str, Failure]) -> None:
    """Any other response is an error for every city, with a reason and the right kind of failure."""
    status, places, reason, failure = expected
    found = outcomes((recorded / "open-meteo" / name).read_bytes(), status, places)
    assert [(str(error), error.failure) for error in found] == [(reason, failure)] * places


@pytest.mark.parametrize("name", [name for name, expected in FAILURES.items() if expected[0] != 200])
def test_an_error_under_the_wrong_status(recorded: Path, name: str) -> None:
    """An error under status 200 is an error as well."""
    body = (recorded / "open-meteo" / name).read_bytes()
    assert all(error.failure in {Failure.REJECTED, Failure.MALFORMED, Failure.EMPTY} for error in outcomes(body))


@pytest.mark.parametrize("names", [list(WEATHER)[:2], list(WEATHER)[3:]])
def test_a_list_is_matched_by_its_order(recorded: Path, names: list[str]) -> None:
    """Two recorded responses in a list, as for two cities, are the two observations in that order."""
    bodies = [(recorded / "open-meteo" / name).read_bytes() for name in names]
    first, second = outcomes(b"[" + b",".join(bodies) + b"]", places=2)
    assert first == WEATHER[names[0]]
    assert (second.city, second.temperature) == (BERLIN.id, WEATHER[names[1]].temperature)
