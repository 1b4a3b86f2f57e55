"""Recorded responses of the Aviation Weather Center. They belong to others: read in place, skipped if missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import KIEL
from tests.support.virtual_time import EPOCH
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.observation import Observation
from weatherd.providers.metar.client import parse_metar_response, parse_station_response
from weatherd.providers.metar.record import StationReport
from weatherd.providers.metar.stations import Airport

if TYPE_CHECKING:
    from pathlib import Path

KNOT = 1852 / 3600  # m/s


def expected(station: str, at: datetime, temperature: float, code: int, text: str, **values: Any) -> Observation:
    """Return the observation expected of a report; values that are not named are None."""
    others: dict[str, Any] = {name: pytest.approx(value, abs=1e-6) for name, value in values.items()}
    return Observation(KIEL.id, "metar", at, EPOCH, temperature, text, code, station, **others)


REPORTS = {
    "docexample_metar_kord_2023_form.json": [  # reportTime is 22:00; there is no cover, but layers
        expected(
            "KORD",
            datetime(2023, 11, 3, 21, 51, tzinfo=UTC),
            14.4,
            61,
            "light rain",
            relative_humidity=45.6,
            pressure_msl=1016.2,  # slp; the altimeter is 1016.3
            wind_speed=6 * KNOT,
            wind_direction=230,
            wind_gust=12 * KNOT,
            visibility=16093.44,
        )
    ],
    "metar_delhi_bbox_three_vrb.json": [
        expected(
            "VIDP",
            datetime(2026, 8, 31, 20, 30, tzinfo=UTC),  # the later of two
            30,
            3,
            "broken clouds",
            relative_humidity=66.2,
            pressure_msl=1003,  # altim, there is no slp
            wind_speed=5 * KNOT,
            wind_direction=250,
            visibility=4506.1632,
        ),
        expected(
            "VIDD",
            datetime(2026, 8, 31, 20, 0, tzinfo=UTC),
            30,
            2,
            "scattered clouds",
            relative_humidity=84.0,
            pressure_msl=1003,
            wind_speed=2 * KNOT,  # "VRB": no direction
            visibility=4007.26656,
        ),
    ],
    "metar_ksjc_calm.json": [
        expected(
            "KSJC",
            datetime(2026, 8, 23, 16, 53, tzinfo=UTC),
            20,
            3,
            "broken clouds",
            relative_humidity=70.2,
            pressure_msl=1014.4,
            wind_speed=0,  # and no direction
            visibility=16093.44,
        )
    ],
    "metar_ktys_us_with_precip.json": [
        expected(
            "KTYS",
            datetime(2026, 1, 14, 22, 53, tzinfo=UTC),
            6.7,
            3,
            "overcast",
            relative_humidity=82.3,
            pressure_msl=1004.9,
            wind_speed=12 * KNOT,
            wind_direction=210,
            precipitation=0.254,  # 0.01 in
            visibility=16093.44,
        )
    ],
    "metar_rjtt_rain_mist_visib_number.json": [
        expected(
            "RJTT",
            datetime(2026, 9, 12, 15, 0, tzinfo=UTC),
            20,
            61,
            "light rain, mist",
            relative_humidity=100,
            pressure_msl=1023,
            wind_speed=5 * KNOT,
            wind_direction=30,
            visibility=5005.05984,  # 3.11 miles
        )
    ],
    "metar_zuck_mps_country.json": [
        expected(
            "ZUCK",
            datetime(2026, 7, 15, 9, 0, tzinfo=UTC),
            40,
            1,
            "few clouds",
            relative_humidity=35.8,
            pressure_msl=997,
            wind_speed=8 * KNOT,  # knots, although the report has m/s
            wind_direction=80,
            visibility=9656.064,  # "6+"
        )
    ],
}
STATIONS = {
    "stationinfo_khwd.json": [Airport("KHWD", 37.65886, -122.12116)],
    "stationinfo_with_nulls.json": [Airport("EGLL", 51.477, -0.461)],  # not a buoy, nor a site without an ICAO id
}
ERROR = "crafted_error_400_unexpected_parameter.json"


def test_every_file_has_an_expectation(recorded: Path) -> None:
    """Each recorded file has reports, stations or an error."""
    names = {file.name for file in (recorded / "aviationweather").iterdir()}
    assert names == REPORTS.keys() | STATIONS.keys() | {ERROR}


@pytest.mark.parametrize("name", REPORTS)
def test_reports(recorded: Path, name: str) -> None:
    """Each value is converted from knots, miles, inches and hPa; what a report does not have is None."""
    reports = parse_metar_response(Response(200, (recorded / "aviationweather" / name).read_bytes()), EPOCH).values()
    found = [report.observe(KIEL, EPOCH) for report in reports if isinstance(report, StationReport)]
    assert found == REPORTS[name]
    assert all(observation.find_problem() is None for observation in found)


@pytest.mark.parametrize("name", STATIONS)
def test_stations(recorded: Path, name: str) -> None:
    """Only stations that report and have an ICAO id are airports."""
    body = (recorded / "aviationweather" / name).read_bytes()
    assert parse_station_response(Response(200, body), EPOCH) == STATIONS[name]


def test_the_error_of_an_unknown_parameter(recorded: Path) -> None:
    """The service's own reason is in the error."""
    body = (recorded / "aviationweather" / ERROR).read_bytes()
    for parse in (parse_metar_response, parse_station_response):
        with pytest.raises(ProviderError, match=r"^400: Unexpected query parameter provided$") as caught:
            parse(Response(400, body), EPOCH)
        assert caught.value.failure is Failure.REJECTED


def test_nothing_is_known_of_any_station() -> None:
    """A 204 without a body, and an empty list, have no reports and no stations."""
    for response in (Response(204, b""), Response(200, b"[]")):
        assert parse_metar_response(response, EPOCH) == {}
        assert parse_station_response(response, EPOCH) == []
