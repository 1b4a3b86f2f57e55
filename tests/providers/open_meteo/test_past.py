"""Open-Meteo's past: the query, a recorded response, constructed ones, and the past of the simulator."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import KIEL
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.providers.open_meteo.client import COMMON_QUERY, build_open_meteo_query, parse_open_meteo
from weatherd.providers.open_meteo.past import (
    build_open_meteo_past_query,
    build_open_meteo_places,
    parse_open_meteo_past,
)
from weatherd.simulator.open_meteo.forecast import handle_forecast
from weatherd.simulator.quotas import open_meteo_call_weight

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
VARIABLES = COMMON_QUERY["current"].split(",")


def past_query(since: datetime, until: datetime) -> dict[str, list[str]]:
    """Return the parameters of a request, as a server reads them."""
    query = build_open_meteo_past_query(VARIABLES, since, until) or {}
    return {name: [text] for name, text in {**build_open_meteo_places([KIEL]), **query}.items()}


def series(**columns: Any) -> dict[str, Any]:
    """Return a response with six steps from 11:00, in which precipitation is 1, 2, 3 ... mm, with other *columns*."""
    times = [(NOON + (index - 4) * QUARTER).timestamp() for index in range(6)]
    values = {"time": times, "temperature_2m": [1.5] * 6, "precipitation": [1, 2, 3, 4, 5, 6]} | columns
    return {"utc_offset_seconds": 0, "minutely_15_units": {"temperature_2m": "°C"}, "minutely_15": values}


def test_the_query_never_asks_for_a_forecast_and_counts_as_one_call() -> None:
    """Begin and end are given, without any parameter that counts days, and with at most ten variables."""
    query = past_query(NOON - timedelta(days=7), NOON)
    assert not [name for name in query if name.startswith(("past_", "forecast_"))]
    assert query["start_minutely_15"] == ["2026-11-19T11:15"]  # three quarters earlier, for the precipitation
    assert query["end_minutely_15"] == ["2026-11-26T12:00"]
    assert len(query["minutely_15"][0].split(",")) == 10
    assert open_meteo_call_weight(query) == 1


def test_times_between_two_steps_are_not_asked_for() -> None:
    """A time without a full quarter of an hour needs no request; one that begins with it does."""
    assert build_open_meteo_past_query(VARIABLES, NOON + timedelta(seconds=1), NOON + timedelta(minutes=14)) is None
    assert past_query(NOON, NOON)["end_minutely_15"] == ["2026-11-26T12:00"]


def test_precipitation_is_that_of_the_hour_before() -> None:
    """Each observation has the sum of four quarters; the first three quarters are no observations."""
    found = parse_open_meteo_past(KIEL, series(), NOON)
    assert [(row.observed_at, row.precipitation) for row in found] == [
        (NOON - QUARTER, 10.0),
        (NOON, 14.0),
        (NOON + QUARTER, 18.0),
    ]


def test_a_step_without_values_is_left_out() -> None:
    """Null is no value: without a temperature there is no observation, without a quarter no precipitation."""
    document = series(temperature_2m=[1, 1, 1, None, 2, 3], precipitation=[None, 2, 3, 4, 5, 6], wind_speed_10m=[4] * 5)
    found = parse_open_meteo_past(KIEL, document, NOON)
    assert [(row.temperature, row.precipitation, row.wind_speed) for row in found] == [(2, 14, None), (3, 18, None)]


def test_units_and_local_times_are_converted() -> None:
    """A server may ignore the units and the form of times that were requested."""
    times = [f"2026-11-26T{hour}" for hour in ("12:00", "12:15", "12:30", "12:45", "13:00", "13:15")]
    document = series(time=times, temperature_2m=[50] * 6, wind_speed_10m=[36] * 6, precipitation=[1] * 6)
    document["utc_offset_seconds"] = 3600
    document["minutely_15_units"] = {"temperature_2m": "°F", "wind_speed_10m": "km/h", "precipitation": "inch"}
    first = parse_open_meteo_past(KIEL, document, NOON)[0]
    assert (first.observed_at, first.temperature, first.wind_speed) == (NOON - QUARTER, 10, 10)
    assert first.precipitation == pytest.approx(101.6)


@pytest.mark.parametrize("document", [None, [], {}, {"minutely_15": None}, {"minutely_15": {"time": 5}}])
def test_a_response_without_steps_is_malformed(document: Any) -> None:
    """Anything without a list of times is an error of the service."""
    with pytest.raises(ProviderError) as caught:
        parse_open_meteo_past(KIEL, document, NOON)
    assert caught.value.failure is Failure.MALFORMED


def test_a_recorded_series(recorded: Path) -> None:
    """Four recorded quarters, with local times, give the observation of the last one."""
    document = json.loads((recorded / "open-meteo" / "forecast_minutely_15.json").read_text())
    (found,) = parse_open_meteo_past(KIEL, document, NOON)
    assert found.observed_at == datetime(2026, 10, 3, 11, 15, tzinfo=UTC)
    assert (found.temperature, found.precipitation) == (18.9, 0.0)


def test_the_simulated_past_is_what_was_simulated_live() -> None:
    """The past of a day is what polls at the same times would have got, value by value."""
    until = NOON + timedelta(days=1)
    _, document = handle_forecast(past_query(NOON, until), until + timedelta(days=3))
    past = parse_open_meteo_past(KIEL, document, until)
    live_query = {name: [text] for name, text in COMMON_QUERY.items()}
    live_query |= {
        name: [text] for name, _, text in (p.partition("=") for p in build_open_meteo_query([KIEL]).split("&"))
    }
    assert len(past) == 97
    for row in past:
        _, body = handle_forecast(live_query, row.observed_at + timedelta(minutes=7))
        (live,) = parse_open_meteo([KIEL], Response(200, json.dumps(body).encode()), until)
        assert live == row


@pytest.mark.parametrize("name", ["past_minutely_15", "forecast_days", "past_days"])
def test_the_simulator_excludes_what_the_service_excludes(name: str) -> None:
    """Begin and end are mutually exclusive with parameters that count."""
    status, body = handle_forecast(past_query(NOON, NOON) | {name: ["1"]}, NOON)
    assert status == 400
    assert "mutually exclusive" in body["reason"]


def test_the_simulator_has_the_trap_of_the_service() -> None:
    """With the past hours alone, it sends 16 days of forecast, as the real service does."""
    query = {"latitude": ["1"], "longitude": ["1"], "hourly": ["temperature_2m"], "past_hours": ["2"]}
    _, body = handle_forecast(query, NOON)
    assert len(body["hourly"]["time"]) == 2 + 16 * 24
    _, body = handle_forecast(query | {"forecast_hours": ["0"]}, NOON)
    assert body["hourly"]["time"] == ["2026-11-26T10:00", "2026-11-26T11:00"]
