"""Bright Sky's past: the query, constructed responses, and the past of the simulator."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import KIEL
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.providers.bright_sky.client import build_bright_sky_query, parse_bright_sky
from weatherd.providers.bright_sky.past import build_bright_sky_past_query, parse_bright_sky_past
from weatherd.simulator.bright_sky import handle_current_weather
from weatherd.simulator.bright_sky_hours import handle_hours

if TYPE_CHECKING:
    from weatherd.observation import Observation

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOURCES = [{"id": 1, "observation_type": "current"}, {"id": 2, "observation_type": "forecast"}]
SOURCES += [{"id": 3, "observation_type": "historical"}, {"id": 4, "observation_type": "synop"}]
RECORD = {
    "source_id": 1,
    "timestamp": "2026-11-26T13:00:00+01:00",
    "temperature": 4,
    "condition": "rain",
    "icon": "rain",
    "cloud_cover": 90,
    "precipitation": 1.5,
    "wind_speed": 36,
    "wind_direction": 270,
    "wind_gust_speed": 72,
    "visibility": 9000,
}


def parse(*records: Any) -> list[Any]:
    """Parse a response with these records."""
    return parse_bright_sky_past(KIEL, {"weather": list(records), "sources": SOURCES}, NOON)


def past_query(since: datetime, until: datetime) -> dict[str, list[str]]:
    """Return the parameters of a request, as a server reads them."""
    return {name: [text] for name, text in build_bright_sky_past_query(KIEL, since, until).items()}


def test_the_query_names_both_ends_in_utc() -> None:
    """Without ``last_date`` a day would be sent; a plus in an offset would have to be escaped."""
    query = build_bright_sky_past_query(KIEL, NOON, NOON + HOUR)
    assert (query["date"], query["last_date"]) == ("2026-11-26T12:00Z", "2026-11-26T13:00Z")
    assert query["units"] == "dwd"


def test_the_values_are_those_of_the_hour_before() -> None:
    """The names of a record have no minutes; its precipitation is that of the hour before, like that of live ones."""
    (found,) = parse(RECORD)
    assert (found.observed_at, found.station, found.temperature, found.code) == (NOON, "1", 4, 61)
    assert (found.precipitation, found.wind_speed, found.wind_gust, found.wind_direction) == (1.5, 10, 20, 270)


def test_forecasts_are_left_out() -> None:
    """Only records of stations are observations: the list goes on with forecasts without saying so."""
    found = parse(*[RECORD | {"source_id": source} for source in (1, 2, 3, 4, 5, None)])
    assert [row.station for row in found] == ["1", "3"]


def test_a_value_from_a_forecast_is_left_out() -> None:
    """A station that lacks a value gets it from another source, which may be a forecast."""
    fallbacks = {"cloud_cover": 2, "visibility": 3, "wind_speed": 7}
    (found,) = parse(RECORD | {"fallback_source_ids": fallbacks})
    assert (found.cloud_cover, found.wind_speed, found.visibility) == (None, None, 9000)


def test_a_temperature_from_a_forecast_is_no_observation() -> None:
    """Neither is a record without a temperature, or without a time."""
    assert parse(RECORD | {"fallback_source_ids": {"temperature": 2}}, RECORD | {"temperature": None}) == []
    assert parse(RECORD | {"timestamp": None}, None, 5, []) == []


@pytest.mark.parametrize("document", [None, [], {}, {"weather": []}, {"weather": {}, "sources": []}])
def test_a_response_without_lists_is_malformed(document: Any) -> None:
    """Anything without a list of records and one of sources is an error of the service."""
    with pytest.raises(ProviderError) as caught:
        parse_bright_sky_past(KIEL, document, NOON)
    assert caught.value.failure is Failure.MALFORMED


def _find_live(query: dict[str, list[str]], time: datetime) -> Observation:
    """Return the report of a time; it may be there only minutes later."""
    for minutes in range(0, 30, 5):
        _, body = handle_current_weather(query, time + timedelta(minutes=minutes))
        live = parse_bright_sky(KIEL, Response(200, json.dumps(body).encode()), NOON + timedelta(days=1))
        if live.observed_at == time:
            return live
    raise LookupError(time)


def test_the_simulated_past_is_what_was_simulated_live() -> None:
    """The past of a day has the values that the station reported at the full hours, from another source."""
    until = NOON + timedelta(days=1)
    _, document = handle_hours(past_query(NOON, until), until + timedelta(minutes=40))
    past = parse_bright_sky_past(KIEL, document, until)
    live_query = {name: [text] for name, text in build_bright_sky_query(KIEL).items()}
    assert len(past) == 25
    for row in past:
        live = _find_live(live_query, row.observed_at)
        assert live._replace(station=row.station) == row


def test_the_simulated_list_runs_into_the_forecast() -> None:
    """By default a day is sent, of which the hours to come are forecasts; an escaped plus is not needed."""
    query = {"lat": ["54.3"], "lon": ["10.1"], "date": ["2026-11-26T12:30 01:00"]}
    _, body = handle_hours(query, NOON + timedelta(hours=2, minutes=30))
    types = {source["id"]: source["observation_type"] for source in body["sources"]}
    found = [(record["timestamp"][11:13], types[record["source_id"]]) for record in body["weather"]]
    assert found[:4] == [("12", "current"), ("13", "current"), ("14", "current"), ("15", "forecast")]
    assert len(found) == 24


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"lat": ["1"], "lon": ["1"], "date": ["2026-11-26"]}, 404),
        ({"lat": ["54"], "lon": ["10"]}, 422),
        ({"lat": ["54"], "lon": ["10"], "date": ["yesterday"]}, 422),
    ],
)
def test_the_simulator_rejects_what_the_service_rejects(query: dict[str, list[str]], status: int) -> None:
    """A place abroad has no sources; a time is required and has the form of ISO 8601."""
    assert handle_hours(query, NOON)[0] == status
