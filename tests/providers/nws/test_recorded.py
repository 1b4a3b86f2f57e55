"""Recorded responses of the National Weather Service. They belong to others: read in place, skipped if missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import KIEL, new_key_values
from tests.support.virtual_time import EPOCH, now
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.observation import Observation
from weatherd.providers.nws.client import parse_nws
from weatherd.providers.nws.stations import StationFinder

if TYPE_CHECKING:
    from pathlib import Path


def expected_observation(
    station: str, at: datetime, temperature: float, code: int, description: str, **values: Any
) -> Observation:
    """Return the observation expected of a file."""
    return Observation(
        city=KIEL.id,
        provider="nws",
        observed_at=at,
        fetched_at=EPOCH,
        temperature=temperature,
        code=code,
        description=description,
        station=station,
        **values,
    )


JUNE = datetime(2019, 6, 27, 10, 53, tzinfo=UTC)
TENS: dict[str, float] = {  # the author of the file put a ten everywhere
    "apparent_temperature": 10,
    "relative_humidity": 10,
    "pressure_msl": 1000,
    "wind_speed": 10,
    "wind_direction": 10,
    "wind_gust": 10,
    "visibility": 10000,
}
SLOW: dict[str, float] = {"wind_speed": 2.777777778, "wind_gust": 2.777777778}  # 10 km/h
MOSTLY_CLEAR = expected_observation("KFLL", JUNE, 10, 1, "Mostly Clear", **TENS)
FLORIDA = expected_observation("KFLL", JUNE, -12.222222222, 1, "Mostly Clear", **(TENS | SLOW))  # 10 °F
NO_TEMPERATURE = ("the response has no temperature", Failure.EMPTY)
NOTHING = ("the response has no current weather", Failure.MALFORMED)
NO_TIME = ("the response has no valid time of observation", Failure.EMPTY)
# A file with several observations has as many expectations.
WEATHER: dict[str, list[Observation | tuple[str, Failure]]] = {
    "kcnk_2019_thunderstorm_rain_fog.json": [
        expected_observation(
            "KCNK",
            datetime(2019, 8, 17, 8, 49, tzinfo=UTC),
            22,
            95,
            "Thunderstorms and Rain and Fog/Mist",
            apparent_temperature=22.564728643,
            relative_humidity=88.436416128,
            wind_speed=7.7,
            wind_direction=250,
            precipitation=7.1,  # 0.0071 m
            visibility=4830,
        )
    ],
    "pynws_stations_observations.json": [MOSTLY_CLEAR],
    "pynws_stations_observations_alternate_units.json": [FLORIDA],
    "pynws_stations_observations_empty.json": [NO_TIME],
    "pynws_stations_observations_latest.json": [
        expected_observation(
            "KFLL",
            datetime(2022, 3, 2, 23, 53, tzinfo=UTC),
            22.8,
            3,
            "Mostly Cloudy",
            apparent_temperature=23.114018879,
            relative_humidity=75.770935808,
            pressure_msl=1018.7,
            wind_speed=2.1,  # 7.56 km/h
            wind_direction=20,
            visibility=16090,
        )
    ],
    "pynws_stations_observations_metar.json": [NO_TEMPERATURE],
    "pynws_stations_observations_metar_noparse.json": [NO_TEMPERATURE],
    "pynws_stations_observations_multiple_unsorted.json": [
        expected_observation(
            "KFLL",
            datetime(2019, 6, 27, 10, 50, tzinfo=UTC),
            -100,
            1,
            "Mostly Clear",
            wind_direction=67,
            visibility=1000,
        ),
        MOSTLY_CLEAR,
    ],
    "pynws_stations_observations_relative_icon.json": [MOSTLY_CLEAR],
}
PROBLEMS = {
    "problem_301_adjust_point_precision.json": (
        301,
        "301: The precision of latitude/longitude points",
        Failure.UNAVAILABLE,
    ),
    "problem_404_invalid_point_london.json": (404, "the place is outside the area of the National", Failure.REJECTED),
    "problem_404_not_found.json": (404, "404: Not Found", Failure.REJECTED),
    "problem_500_unexpected.json": (500, "500: An unexpected problem has occurred.", Failure.BROKEN),
    "problem_503_service_unavailable.json": (503, "503: An upstream data source is temporarily", Failure.UNAVAILABLE),
    "problem_invalid_point_with_headers.json": (404, "the place is outside the area of the National", Failure.REJECTED),
    "../generic/nginx_502_bad_gateway.html": (502, "the service responded with status 502", Failure.UNAVAILABLE),
}
STATION_FILES = ["pynws_points.json", "pynws_gridpoints_stations.json"]
WARNINGS = [  # responses of /alerts: a collection of warnings, from which no observation can come
    "alerts_cancelled_yet_in_active_list.json",
    "alerts_heat_three_segments_one_event.json",
    "alerts_history_watch_new_update_cancel.json",
    "alerts_no_vtec_unknown_severity_and_civil.json",
    "alerts_point_none_with_headers.json",
    "alerts_point_phoenix_2024_two.json",
    "alerts_update_flash_flood_polygon.json",
    "pynws_alerts_active_zone_2019.json",
]


def body_of(file: Path) -> bytes:
    """Return the body of a recorded response; a file that also has the headers keeps it under ``data``."""
    body = file.read_bytes()
    return json.dumps(json.loads(body)["data"]).encode() if file.stem.endswith("_with_headers") else body


def observations(file: Path) -> list[Any]:
    """Return the observations of a file, each as a document of its own."""
    document = json.loads(file.read_bytes())
    return document.get("features", [document])  # type: ignore[no-any-return]


def outcome(document: Any) -> Observation | tuple[str, Failure]:
    """Return the parser's outcome for a document."""
    try:
        return parse_nws(KIEL, Response(200, json.dumps(document).encode()), EPOCH)
    except ProviderError as error:
        return str(error), error.failure


def test_every_file_has_an_expectation(recorded: Path) -> None:
    """Each recorded file is an observation, a problem, a list of stations or a list of warnings."""
    names = {file.name for file in (recorded / "nws").iterdir()}
    names |= {f"../generic/{file.name}" for file in (recorded / "generic").iterdir()}
    assert names == WEATHER.keys() | PROBLEMS.keys() | set(STATION_FILES) | set(WARNINGS)


@pytest.mark.parametrize("name", WEATHER)
def test_observations(recorded: Path, name: str) -> None:
    """Each value is parsed by its unit; an observation without time or temperature is an error."""
    assert [outcome(document) for document in observations(recorded / "nws" / name)] == WEATHER[name]


@pytest.mark.parametrize("name", WEATHER)
def test_without_a_text_the_weather_or_the_clouds_are_described(recorded: Path, name: str) -> None:
    """Recorded weather and cloud layers have a description."""
    document = observations(recorded / "nws" / name)[0]
    stamp = {"timestamp": "2026-01-01T00:00:00+00:00", "temperature": {"unitCode": "unit:degC", "value": 1}}
    document["properties"] |= stamp | {"textDescription": ""}
    found = outcome(document)
    assert isinstance(found, Observation)
    assert found.description in ("thunderstorms, rain, fog mist", "broken clouds", "few clouds")


@pytest.mark.parametrize(("name", "expected"), PROBLEMS.items())
def test_no_observation(recorded: Path, name: str, expected: tuple[int, str, Failure]) -> None:
    """Any other response is an error with the service's own reason and the right kind of failure."""
    status, reason, failure = expected
    with pytest.raises(ProviderError) as caught:
        parse_nws(KIEL, Response(status, body_of(recorded / "nws" / name)), EPOCH)
    assert str(caught.value).startswith(reason)
    assert caught.value.failure == failure


@pytest.mark.parametrize("name", WARNINGS)
def test_warnings_are_not_an_observation(recorded: Path, name: str) -> None:
    """A list of warnings, empty or not, is never read as current weather."""
    assert outcome(json.loads(body_of(recorded / "nws" / name))) == NOTHING


async def test_the_stations_of_a_place(recorded: Path) -> None:
    """The document of a point leads to its stations; the nearest five are stored."""
    paths: list[str] = []

    async def fetch(path: str) -> dict[str, Any]:
        paths.append(path)
        document: dict[str, Any] = json.loads((recorded / "nws" / STATION_FILES[len(paths) - 1]).read_bytes())
        return document

    found = await StationFinder(fetch, new_key_values("nws"), now).find(KIEL)
    features = json.loads((recorded / "nws" / STATION_FILES[1]).read_bytes())["features"]
    assert paths == ["/points/54.3059,10.1233", "/gridpoints/TAE/58,65/stations"]
    assert found == [feature["properties"]["stationIdentifier"] for feature in features[:5]]
    assert found[:2] == ["KCMH", "KOSU"]
