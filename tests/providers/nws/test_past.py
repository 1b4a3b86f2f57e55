"""The past of the National Weather Service: the query, recorded responses, and the past of the simulator."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import KIEL
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.providers.nws.client import parse_nws
from weatherd.providers.nws.past import build_nws_past_query, parse_nws_past
from weatherd.simulator.nws.endpoints import handle_latest_observation, handle_observations
from weatherd.simulator.query import ServiceRequest

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
STATION = {"station": "S0340520"}
AGENT = {"User-Agent": "weatherd/1 me@example.org"}


def feature(time: str, celsius: float | None, station: str = "KFLL") -> dict[str, Any]:
    """Return an observation of a list."""
    quantity = {"unitCode": "wmoUnit:degC", "value": celsius, "qualityControl": "V"}
    return {"properties": {"timestamp": time, "stationId": station, "temperature": quantity}}


def past_request(since: datetime, until: datetime, **others: str) -> ServiceRequest:
    """Return a request for the observations of a station."""
    query = {name: [text] for name, text in {**build_nws_past_query(since, until), **others}.items()}
    return ServiceRequest(query, STATION, AGENT)


def test_the_query_has_offsets_and_the_highest_limit() -> None:
    """Times are in UTC with the letter Z, because a plus would have to be escaped."""
    query = build_nws_past_query(NOON, NOON + timedelta(hours=1))
    assert query == {"start": "2026-11-26T12:00:00Z", "end": "2026-11-26T13:00:00Z", "limit": "500"}


def test_observations_without_a_temperature_are_left_out() -> None:
    """Up to half of a list is reports without values; of two at the same time, the first one with a value counts."""
    features = [
        feature("2026-11-26T12:05:00+00:00", None),
        feature("2026-11-26T11:53:00+00:00", 5.0),
        feature("2026-11-26T11:53:00+00:00", None),
        feature("2026-11-26T11:53:00+00:00", 6.0),
        feature("2026-11-26T12:53:00+00:00", 7.0),
        {"properties": None},
        5,
    ]
    found = parse_nws_past(KIEL, {"features": features}, NOON)
    assert [(row.observed_at.hour, row.temperature) for row in found] == [(11, 5.0), (12, 7.0)]


@pytest.mark.parametrize("document", [None, [], {}, {"features": None}])
def test_a_response_without_a_list_is_malformed(document: Any) -> None:
    """Anything but a collection is an error of the service."""
    with pytest.raises(ProviderError) as caught:
        parse_nws_past(KIEL, document, NOON)
    assert caught.value.failure is Failure.MALFORMED


@pytest.mark.parametrize(
    ("name", "temperatures"),
    [
        ("pynws_stations_observations.json", [10]),
        ("pynws_stations_observations_multiple_unsorted.json", [-100, 10]),
        ("pynws_stations_observations_alternate_units.json", [pytest.approx(-12.222222222)]),
        ("pynws_stations_observations_metar.json", []),
        ("pynws_stations_observations_empty.json", []),
    ],
)
def test_recorded_lists(recorded: Path, name: str, temperatures: list[float]) -> None:
    """Recorded lists give their observations, in any order and unit; those without a temperature give none."""
    document = json.loads((recorded / "nws" / name).read_text())
    found = parse_nws_past(KIEL, document, NOON)
    assert [row.temperature for row in found] == temperatures
    assert {row.station for row in found} <= {"KFLL"}


def test_the_simulated_past_is_what_was_simulated_live() -> None:
    """Each observation in the list of a day is, value by value, what a poll got after it."""
    until = NOON + timedelta(days=1)
    past = parse_nws_past(KIEL, handle_observations(past_request(NOON, until), until).body, until)
    assert len(past) >= 23
    for row in past:
        latest = handle_latest_observation(ServiceRequest({}, STATION, AGENT), row.observed_at + timedelta(minutes=25))
        live = parse_nws(KIEL, Response(200, json.dumps(latest.body).encode()), until)
        assert live == row


def test_the_simulator_keeps_a_week() -> None:
    """What is older than a week is gone, the limit holds, and a time without an offset is rejected."""
    everything = handle_observations(past_request(NOON - timedelta(days=30), NOON), NOON).body["features"]
    assert 7 * 24 <= len(everything) <= 7 * 24 * 2
    assert len(handle_observations(past_request(NOON, NOON, limit="3", start="", end=""), NOON).body["features"]) == 3
    assert handle_observations(past_request(NOON, NOON, start="2026-11-26T12:00"), NOON).status == 400
