"""Simulated Aviation Weather Center: its rules, and weatherd's parser on it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import KIEL
from weatherd.http.response import Response
from weatherd.providers.metar.client import parse_metar_response, parse_station_response
from weatherd.providers.metar.record import StationReport
from weatherd.providers.metar.report import find_report_time, parse_report
from weatherd.simulator.metar import endpoints as metar
from weatherd.simulator.query import ServiceRequest
from weatherd.simulator.quotas import free_plan_quotas

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import aiohttp

    Simulate = Callable[..., Awaitable[aiohttp.ClientSession]]

METAR, STATIONS = "/api/data/metar", "/api/data/stationinfo"
HOURS = [datetime(2026, month, 3, hour, 17, tzinfo=UTC) for month in (1, 4, 7, 10) for hour in (0, 7, 13, 19)]


def request(**query: str) -> ServiceRequest:
    """Return a request for JSON."""
    return ServiceRequest({"format": ["json"]} | {name: [value] for name, value in query.items()})


@pytest.mark.parametrize("at", HOURS)
def test_weatherd_parses_the_simulated_reports(at: datetime) -> None:
    """Everywhere, reports are valid, recent, and the same in the JSON and in their text."""
    seen = 0
    for south in range(-80, 80, 20):
        records = metar.handle_metar(request(bbox=f"{south},-170,{south + 1},-100"), at).body
        reports = parse_metar_response(Response(200, json.dumps(records).encode()), at)
        for record in records:
            report, groups = reports[record["icaoId"]], parse_report(record["rawOb"])
            assert isinstance(report, StationReport)
            assert timedelta(minutes=2) <= at - report.observed_at <= timedelta(minutes=75)
            found = report.observe(KIEL, at)
            assert found.code is not None
            assert find_report_time(record["rawOb"], at) == report.observed_at
            assert (groups["wind_speed"], groups["weather"]) == (found.wind_speed, record.get("wxString", ""))
            assert abs(groups["temperature"] - found.temperature) <= 0.5
            assert abs(groups["pressure_msl"] - record["altim"]) <= 0.2
            seen += 1
    assert seen > 1000


def test_fields_are_those_of_recorded_reports(recorded: Path) -> None:
    """Each record has the recorded keys of its kind with the recorded types, and none that was never recorded."""
    files = [json.loads(file.read_bytes()) for file in sorted((recorded / "aviationweather").glob("*metar*"))]
    recorded_keys = {key for body in files for record in body for key in record}
    american, other = (metar.handle_metar(request(ids=name), HOURS[0]).body[0] for name in ("KJFK", "EDDH"))
    assert american.keys() | other.keys() <= recorded_keys
    real = {record["icaoId"]: record for body in files for record in body}
    assert real["KTYS"].keys() - {"precip", "fltCat"} <= american.keys()
    assert real["ZUCK"].keys() - {"fltCat"} <= other.keys()
    assert type(american["visib"]) is str or american["visib"] < 10


@pytest.mark.parametrize(
    ("path", "query", "status", "error"),
    [
        (METAR, {"ids": "EDDH", "format": "json"}, 200, None),
        (METAR, {"ids": "EDDH,ZZZZ", "format": "json", "hours": "3"}, 200, None),
        (METAR, {"ids": "ZZZZ", "format": "json"}, 204, None),
        (METAR, {"ids": "EDDH", "format": "json", "lang": "en"}, 400, "Unexpected query parameter provided"),
        (METAR, {"format": "json"}, 400, "Must specify ids or bbox"),
        (METAR, {"bbox": "1,2,3", "format": "json"}, 400, "Invalid parameter"),
        (STATIONS, {"bbox": "53,8,56,13", "format": "json"}, 200, None),
        (STATIONS, {"bbox": "0.1,0.1,0.2,0.2", "format": "json"}, 204, None),
        (STATIONS, {"bbox": "53,8,56,13", "format": "json", "hours": "1"}, 400, "Unexpected query parameter provided"),
    ],
)
async def test_rules(simulate: Simulate, path: str, query: dict[str, str], status: int, error: str | None) -> None:
    """Unknown parameters are rejected; of unknown stations there is a 204 without a body."""
    client = await simulate()
    async with client.get(path, params=query) as response:
        body: Any = await response.read()
        assert response.status == status
    if status == 204:
        assert body == b""
    elif error:
        assert json.loads(body) == {"status": "error", "error": error}
    else:
        assert json.loads(body)


def test_a_response_has_at_most_400_entries() -> None:
    """Of reports and of stations."""
    box = request(bbox="30,-20,60,20")
    for handle in (metar.handle_metar, metar.handle_stationinfo):
        assert len(handle(box, HOURS[0]).body) == 400


def test_several_reports_come_newest_first() -> None:
    """With ``hours``; without it there is only the latest."""
    records = metar.handle_metar(request(ids="EDDH", hours="3"), HOURS[0]).body
    times = [record["obsTime"] for record in records]
    assert times == sorted(times, reverse=True)
    assert 5 <= len(times) <= 6
    assert [record["obsTime"] for record in metar.handle_metar(request(ids="EDDH"), HOURS[0]).body] == times[:1]


def test_stations_that_never_report() -> None:
    """A buoy is in the list without a kind; all others are airports."""
    sites = metar.handle_stationinfo(request(bbox="53,8,56,13"), HOURS[0]).body
    airports = parse_station_response(Response(200, json.dumps(sites).encode()), HOURS[0])
    assert len(airports) == len(sites) - 1
    assert {"EDDH", "EDHK"} < {airport.id for airport in airports}


def test_the_quota() -> None:
    """100 requests a minute, then 429 without a time to wait."""
    quota = free_plan_quotas()["metar"]
    for _ in range(100):
        assert quota.check(1000.0, 0) is None
        quota.charge(1000.0, 1)
    assert quota.check(1000.0, 0) == (429, {"status": "error", "error": "Too many requests"})
    assert quota.check(1001.0, 0) is None
