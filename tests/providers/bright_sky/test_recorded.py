"""Recorded responses of Bright Sky. They belong to others: they are read in place, and skipped if missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import KIEL
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.observation import Observation
from weatherd.providers.bright_sky.client import parse_bright_sky

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 10, 9, 12, tzinfo=UTC)


def expected_observation(at: datetime, temperature: float, **values: Any) -> Observation:
    """Return the observation expected of a file; both were recorded under clouds in Tempelhof."""
    return Observation(
        city=KIEL.id,
        provider="bright-sky",
        observed_at=at,
        fetched_at=NOW,
        temperature=temperature,
        code=3,
        description="overcast",
        station="303711",
        precipitation=0,
        **values,
    )


WEATHER = {
    "berlin_2025_dry_cloudy_ints.json": expected_observation(
        datetime(2025, 9, 18, 13, 30, tzinfo=UTC),
        19.7,
        relative_humidity=78,
        pressure_msl=1019.7,
        wind_speed=5.194444444,  # 18.7 km/h
        wind_direction=260,
        wind_gust=9.194444444,  # 33.1 km/h
        cloud_cover=88,
        visibility=61711,
    ),
    "berlin_2026_dry_cloudy_windy_floats.json": expected_observation(
        datetime(2026, 10, 9, 10, tzinfo=UTC),
        13.5,
        relative_humidity=64,
        pressure_msl=1013.1,
        wind_speed=6.388888889,  # 23.0 km/h
        wind_direction=250,
        wind_gust=10.388888889,  # 37.4 km/h
        cloud_cover=100,
        visibility=57321,
    ),
}
NOTHING = (200, "the response has no current weather", Failure.MALFORMED)
FAILURES = {
    "crafted_empty_weather_list.json": NOTHING,
    "crafted_error_400_detail_invalid.json": (400, "400: Invalid", Failure.REJECTED),
    "issue_error_429_plain_text.txt": (429, "the service responded with status 429", Failure.RATE_LIMITED),
    "issue_error_500_plain_text.txt": (500, "the service responded with status 500", Failure.BROKEN),
    "sourceform_error_404_alerts_not_covered.json": (  # of /alerts, in the same form as those of /current_weather
        404,
        "404: Requested position is not covered by the DWD",
        Failure.REJECTED,
    ),
    "sourceform_error_404_no_current_weather.json": (
        404,
        "404: Could not find current weather for your location criteria",
        Failure.REJECTED,
    ),
    "sourceform_error_404_no_sources.json": (404, "404: No sources match your criteria", Failure.REJECTED),
    "sourceform_error_404_unknown_warn_cell.json": (  # of /alerts
        404,
        "404: Unknown warn_cell_id, please use commune (Gemeinden), not district (Landkreis) ids",
        Failure.REJECTED,
    ),
    "status_ok.json": NOTHING,
    "trimmed_mittenwald_2026_wind_only_no_temperature.json": (
        200,
        "the response has no temperature",
        Failure.EMPTY,
    ),
    "../generic/nginx_502_bad_gateway.html": (502, "the service responded with status 502", Failure.UNAVAILABLE),
}
WARNINGS = [  # responses of /alerts: a list of warnings, from which no observation can come
    "alerts_husum_none.json",
    "sourceform_alerts_goettingen_two.json",
]


def test_every_file_has_an_expectation(recorded: Path) -> None:
    """Each recorded file is a report, an error or a list of warnings."""
    names = {file.name for file in (recorded / "brightsky").iterdir()}
    names |= {f"../generic/{file.name}" for file in (recorded / "generic").iterdir()}
    assert names == WEATHER.keys() | FAILURES.keys() | set(WARNINGS)


@pytest.mark.parametrize("name", WEATHER)
def test_current_weather(recorded: Path, name: str) -> None:
    """Each value of a report is parsed: km/h become m/s, integers and floats are equal."""
    body = (recorded / "brightsky" / name).read_bytes()
    assert parse_bright_sky(KIEL, Response(200, body), NOW) == WEATHER[name]


@pytest.mark.parametrize(("name", "expected"), FAILURES.items())
def test_no_current_weather(recorded: Path, name: str, expected: tuple[int, str, Failure]) -> None:
    """Any other response is an error with the service's own reason and the right kind of failure."""
    status, reason, failure = expected
    body = (recorded / "brightsky" / name).read_bytes()
    with pytest.raises(ProviderError) as caught:
        parse_bright_sky(KIEL, Response(status, body), NOW)
    assert (str(caught.value), caught.value.failure) == (reason, failure)


@pytest.mark.parametrize("name", WARNINGS)
def test_warnings_are_not_a_report(recorded: Path, name: str) -> None:
    """A list of warnings, empty or not, is never read as current weather."""
    status, reason, failure = NOTHING
    with pytest.raises(ProviderError) as caught:
        parse_bright_sky(KIEL, Response(status, (recorded / "brightsky" / name).read_bytes()), NOW)
    assert (str(caught.value), caught.value.failure) == (reason, failure)
