"""METAR: constructed responses, and a service on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.fakes import new_key_values, new_limiter
from tests.support.virtual_time import EPOCH, now
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.http.session import open_session
from weatherd.providers import Resources
from weatherd.providers.metar import client as metar
from weatherd.providers.metar.client import parse_metar_response
from weatherd.providers.metar.record import StationReport, compute_humidity
from weatherd.quota.plans import UNLIMITED, find_plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from weatherd.observation import Observation
    from weatherd.providers.metar.client import MetarProvider
    from weatherd.quota.plans import Plan

KIEL = City(name="Kiel", lat=54.32, lon=10.14)
HAMBURG = City(name="Hamburg", lat=53.55, lon=10.0, station="EDDH")
RECORD: dict[str, Any] = {
    "icaoId": "EDHK",
    "receiptTime": "2026-01-01T00:00:30.000Z",
    "obsTime": int(EPOCH.timestamp()) - 600,
    "reportTime": "2026-01-01T01:00:00.000Z",
    "temp": 5,
    "dewp": 2,
    "wdir": 240,
    "wspd": 8,
    "visib": "6+",
    "altim": 1002,
    "cover": "OVC",
    "rawOb": "METAR EDHK 312350Z 24008KT 9999 OVC010 05/02 Q1002",
}
SITES = [("EDHK", 54.38, 10.15), ("EDHL", 53.8, 10.7), ("EDDH", 53.63, 9.99), ("EDDV", 52.46, 9.68)]


def report_of(body: Any, station: str = "EDHK") -> StationReport:
    """Return the report of a station in a response."""
    reports = parse_metar_response(Response(200, json.dumps(body).encode()), EPOCH)
    found = reports[station]
    if isinstance(found, ProviderError):
        raise found
    return found


def observe(**values: Any) -> Observation:
    """Return the observation of the usual record with other *values*; Ellipsis removes one."""
    record = {name: value for name, value in (RECORD | values).items() if value is not ...}
    return report_of([record]).observe(KIEL, EPOCH)


def test_each_value_is_converted() -> None:
    """Each value is in its field, in weatherd's units."""
    found = observe(wgst=21, slp=1001.5, precip=0.1, wxString="-RA BR")
    assert found[:5] == (KIEL.id, "metar", found.observed_at, EPOCH, 5.0)
    assert found.observed_at.timestamp() == EPOCH.timestamp() - 600
    assert (found.description, found.code, found.station) == ("light rain, mist", 61, "EDHK")
    assert found.relative_humidity == 80.9
    assert (found.pressure_msl, found.wind_direction, found.precipitation) == (1001.5, 240.0, 2.54)
    assert (found.wind_speed, found.wind_gust) == (4.115555556, 10.803333333)
    assert (found.visibility, found.cloud_cover, found.apparent_temperature) == (9656.064, None, None)


@pytest.mark.parametrize("field", ["dewp", "wdir", "wgst", "precip", "cover", "wxString"])
@pytest.mark.parametrize("value", [None, ..., [], {}, True, 1e12])
def test_other_values_are_optional(field: str, value: Any) -> None:
    """A value that is null, missing or invalid is unknown; the others are parsed, and it is never 0."""
    found = observe(**{"wgst": 20, "precip": 0.1, "wxString": "RA"} | {field: value})
    assert found.find_problem() is None
    assert found.temperature == 5.0
    unknown = {"dewp": "relative_humidity", "wdir": "wind_direction", "wgst": "wind_gust", "precip": "precipitation"}
    assert getattr(found, unknown.get(field, "cloud_cover")) is None


@pytest.mark.parametrize(
    ("direction", "speed", "expected"),
    [(0, 0, None), ("VRB", 3, None), (0, 3, None), (360, 5, 360.0), (10, 0, 10.0), (None, 3, None)],
)
def test_calm_and_variable_wind_have_no_direction(direction: Any, speed: float, expected: float | None) -> None:
    """Wind from the north is 360, and 0 is no direction."""
    assert observe(wdir=direction, wspd=speed).wind_direction == expected


@pytest.mark.parametrize(
    ("visibility", "meters"), [("10+", 16093.44), ("6+", 9656.064), (2.49, 4007.26656), (0, 0.0), ("far", 10_000.0)]
)
def test_visibility_is_in_miles_and_may_be_a_text(visibility: Any, meters: float) -> None:
    """Without a number, the text of the report is read: 9999 are 10 km."""
    assert observe(visib=visibility).visibility == meters


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({"temp": ...}, {"temperature": 5.0}),
        ({"altim": 29.59}, {"pressure_msl": 1002.0}),  # in inches, as before 2023
        ({"wspd": ..., "wdir": ...}, {"wind_speed": 4.115555556, "wind_direction": 240.0}),
        ({"visib": ..., "cover": ...}, {"visibility": 10_000.0, "code": 3}),
        ({"obsTime": ...}, {"observed_at": EPOCH.replace(year=2025, month=12, day=31, hour=23, minute=50)}),
    ],
)
def test_the_text_of_the_report_fills_gaps(missing: dict[str, Any], expected: dict[str, Any]) -> None:
    """What an expected value lacks is in the report."""
    found = observe(**missing)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"temp": None, "rawOb": "METAR EDHK 312350Z 24008KT ///// Q1002"}, "the response has no temperature"),
        ({"temp": 99, "rawOb": ""}, r"the response has an impossible temperature \(99(\.0)?\)"),
        ({"obsTime": None, "rawOb": "METAR EDHK 320000Z"}, "the response has no valid time of observation"),
        ({"obsTime": "soon"}, "the response has no valid time of observation"),
    ],
)
def test_a_report_without_time_or_temperature_is_no_observation(values: dict[str, Any], reason: str) -> None:
    """Nothing is made up."""
    with pytest.raises(ProviderError, match=f"^{reason}$") as caught:
        observe(**values)
    assert caught.value.failure is Failure.EMPTY


def test_a_correction_replaces_the_report_of_the_same_time() -> None:
    """Of several reports, the latest counts, and then the one that was received last, in any order."""
    older = RECORD | {"obsTime": RECORD["obsTime"] - 1800, "temp": 1}
    corrected = RECORD | {"receiptTime": "2026-01-01T00:04:00.000Z", "temp": 6}
    broken = RECORD | {"receiptTime": "2026-01-01T00:09:00.000Z", "temp": 999, "rawOb": ""}
    for records in ([older, RECORD, corrected], [corrected, RECORD, older], [RECORD, broken, corrected]):
        assert report_of(records).values[4] == 6.0


@pytest.mark.parametrize("body", [b"", b"{}", b"5", b"<html>", b'{"a": 1', b'"text"'])
def test_what_is_not_a_list_of_reports_is_malformed(body: bytes) -> None:
    """A page of a proxy, an object, or half a response."""
    with pytest.raises(ProviderError) as caught:
        parse_metar_response(Response(200, body), EPOCH)
    assert caught.value.failure is Failure.MALFORMED


def test_humidity() -> None:
    """Known pairs of temperature and dew point; saturated air has 100 %, never more."""
    assert [compute_humidity(20.0, dew) for dew in (20.0, 10.0, 21.0, None, -150.0)] == [100.0, 52.5, 100.0, None, None]
    assert compute_humidity(-10.0, -15.0) == 66.8


@dataclass
class Service:
    """The service, with a report of each of *reporting*; it records the requests."""

    reporting: dict[str, dict[str, Any]] = field(default_factory=lambda: {"EDHK": RECORD})
    status: int = 200
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sites: list[tuple[str, float, float]] = field(default_factory=lambda: SITES)

    async def handle(self, request: web.Request) -> web.Response:
        """Respond as the service does."""
        self.requests.append((request.path.rpartition("/")[2], dict(request.query)))
        assert request.query["format"] == "json"
        if self.status != 200:
            return web.json_response({"status": "error", "error": "no"}, status=self.status)
        if request.path == "/api/data/stationinfo":
            return self._respond_sites(request)
        assert request.path == "/api/data/metar"
        names = request.query["ids"].split(",")
        assert len(names) == len(set(names)) <= 400
        found = [self.reporting[name] | {"icaoId": name} for name in names if name in self.reporting]
        return web.json_response(found) if found else web.Response(status=204)

    def _respond_sites(self, request: web.Request) -> web.Response:
        south, west, north, east = map(float, request.query["bbox"].split(","))
        sites = [
            {"icaoId": name, "lat": lat, "lon": lon, "siteType": ["METAR"]}
            for name, lat, lon in self.sites
            if south <= lat <= north and west <= lon <= east
        ]
        return web.json_response(sites) if sites else web.Response(status=204)

    def asked(self) -> list[str]:
        """Return the stations of each request for reports."""
        return [query["ids"] for path, query in self.requests if path == "metar"]


@contextlib.asynccontextmanager
async def run(service: Service, plan: Plan = UNLIMITED) -> AsyncIterator[MetarProvider]:
    """Run the service; open the provider for it."""
    app = web.Application()
    app.router.add_get("/{path:.*}", service.handle)
    async with (
        TestServer(app, host="127.0.0.1") as server,
        open_session("weatherd/test") as session,
        metar.open_provider(
            Settings(metar={"base_url": str(server.make_url(""))}),
            Resources(session, new_limiter("metar", plan), new_key_values("metar"), now),
        ) as provider,
    ):
        yield provider


async def fetch_all(provider: MetarProvider, *cities: City) -> list[Any]:
    """Fetch the cities at once; return their observations or errors."""
    return [*await asyncio.gather(*map(provider.fetch, cities), return_exceptions=True)]


async def test_the_nearest_airport_is_found_once() -> None:
    """One request for the stations, one for their reports; at the next poll only the latter."""
    service = Service()
    async with run(service) as provider:
        for _ in range(2):
            found = await provider.fetch(KIEL)
            assert (found.station, found.temperature) == ("EDHK", 5.0)
    assert [path for path, _ in service.requests] == ["stationinfo", "metar", "metar"]
    assert service.requests[0][1]["bbox"] == "53,8,57,14"
    assert service.asked() == ["EDHK", "EDHK"]


async def test_a_station_of_the_list_needs_no_lookup() -> None:
    """All cities of a moment share a request, and two cities may share a station."""
    service = Service({"EDDH": RECORD})
    second = City(name="Altona", lat=53.55, lon=9.9, station="EDDH")
    async with run(service) as provider:
        found = await fetch_all(provider, HAMBURG, second)
    assert [(observation.city, observation.station) for observation in found] == [
        ("hamburg", "EDDH"),
        ("altona", "EDDH"),
    ]
    assert {path for path, _ in service.requests} == {"metar"}


async def test_the_next_airport_reports_where_the_nearest_is_silent() -> None:
    """It is asked in a second request, and first at the next polls; a stale report is worse than a fresh one."""
    stale = RECORD | {"obsTime": RECORD["obsTime"] - 86400}
    for reporting in ({"EDHL": RECORD}, {"EDHL": RECORD, "EDHK": stale}):
        service = Service(reporting)
        async with run(service) as provider:
            for _ in range(2):
                assert (await provider.fetch(KIEL)).station == "EDHL"
        assert service.asked() == ["EDHK", "EDDH,EDHL", "EDHL"]


async def test_a_stale_report_is_better_than_none() -> None:
    """The caller decides what to do with it."""
    stale = RECORD | {"obsTime": RECORD["obsTime"] - 86400}
    async with run(Service({"EDHK": stale})) as provider:
        assert (await provider.fetch(KIEL)).station == "EDHK"


async def test_no_report_is_an_error_of_the_city_alone() -> None:
    """The others of the request have their weather."""
    unknown = City(name="Nowhere", lat=54.0, lon=10.0, station="ZZZZ")
    async with run(Service({"EDDH": RECORD})) as provider:
        error, found = await fetch_all(provider, unknown, HAMBURG)
    assert found.station == "EDDH"
    assert (str(error), error.failure) == ("there is no current report of ZZZZ", Failure.EMPTY)


async def test_a_place_without_an_airport() -> None:
    """An airport that is farther than 100 km away does not count; the list may still name it."""
    service = Service(sites=[("EDDV", 52.46, 9.68)])
    remote = City(name="Kiel", lat=54.32, lon=10.14, station="EDDV")
    async with run(service) as provider:
        with pytest.raises(ProviderError, match=r"^no airport that reports is within 100 km; name one as") as caught:
            await provider.fetch(KIEL)
        service.reporting = {"EDDV": RECORD}
        assert (await provider.fetch(remote)).station == "EDDV"
    assert caught.value.failure is Failure.REJECTED


async def test_more_stations_than_a_request_may_have() -> None:
    """A request has up to 400 of them."""
    names = [f"{a}{b}{c}{d}" for a in "AB" for b in "ABCDEF" for c in "ABCDEFGH" for d in "ABCDE"]
    cities = [City(name=name, lat=1, lon=1, station=name) for name in names]
    service = Service(dict.fromkeys(names, RECORD))
    async with run(service) as provider:
        found = await fetch_all(provider, *cities)
    assert [observation.station for observation in found] == names
    assert sorted(len(ids.split(",")) for ids in service.asked()) == [80, 400]


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (400, Failure.REJECTED),
        (403, Failure.DENIED),
        (404, Failure.REJECTED),
        (410, Failure.UNAVAILABLE),
        (429, Failure.RATE_LIMITED),
        (500, Failure.BROKEN),
        (503, Failure.UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("city", [KIEL, HAMBURG])
async def test_an_error_of_the_service(city: City, status: int, failure: Failure) -> None:
    """Each status is the right kind of failure, whichever request it is about."""
    async with run(Service(status=status)) as provider:
        with pytest.raises(ProviderError, match=f"^{status}: no") as caught:
            await provider.fetch(city)
    assert caught.value.failure is failure


async def test_a_few_requests_a_minute_serve_a_long_list() -> None:
    """400 cities that are polled one after the other within ten minutes take at most four requests a minute."""
    names = [f"A{b}{c}{d}" for b in "ABCDE" for c in "ABCDEFGH" for d in "ABCDEFGHIJ"]
    service = Service(dict.fromkeys(names, RECORD))
    began = asyncio.get_running_loop().time()
    async with run(service, find_plan("metar", "free")) as provider:

        async def poll(index: int, name: str) -> Observation:
            await asyncio.sleep(index * 1.5)
            return await provider.fetch(City(name=name, lat=1, lon=1, station=name))

        found = await asyncio.gather(*(poll(index, name) for index, name in enumerate(names)))
    assert len(found) == 400
    assert asyncio.get_running_loop().time() - began < 660
    assert len(service.requests) <= 4 + 4 * 11
