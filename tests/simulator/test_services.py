"""Simulated MET Norway, Bright Sky and National Weather Service: their rules, and weatherd's parsers on them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from weatherd.city import City
from weatherd.http.response import Response
from weatherd.providers.bright_sky.client import parse_bright_sky
from weatherd.providers.met_norway.client import parse_met_norway
from weatherd.providers.met_norway.forecast import observation_from_step
from weatherd.providers.met_norway.symbols import parse_symbol
from weatherd.providers.nws.client import parse_nws
from weatherd.simulator.met_norway import forecast as simulated_met
from weatherd.simulator.met_norway.symbols import symbol_code
from weatherd.simulator.query import ServiceRequest
from weatherd.simulator.sky.weather import weather_at
from weatherd.simulator.sky.wmo_codes import cloud_code

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import aiohttp

    Simulate = Callable[..., Awaitable[aiohttp.ClientSession]]

COMPACT = "/weatherapi/locationforecast/2.0/compact"
AGENT = {"User-Agent": "weatherd/1 me@example.org"}
HOURS = [datetime(2026, month, 3, hour, 17, tzinfo=UTC) for month in (1, 4, 7, 10) for hour in (0, 7, 13, 19)]


def city(lat: float, lon: float) -> City:
    """Return a city at a position."""
    return City(name="Somewhere", lat=lat, lon=lon)


def forecast_request(lat: str, lon: str, **headers: str) -> ServiceRequest:
    """Return a request for a forecast."""
    return ServiceRequest({"lat": [lat], "lon": [lon]}, headers=AGENT | headers)


@pytest.mark.parametrize("at", HOURS)
def test_weatherd_parses_the_simulated_forecast(at: datetime) -> None:
    """At all latitudes, the current step exists, is valid, and has the weather of the hour."""
    for lat in range(-80, 81, 16):
        reply = simulated_met.handle_complete(forecast_request(str(lat), "10.5"), at)
        response = Response(reply.status, json.dumps(reply.body).encode(), reply.headers)
        forecast = parse_met_norway(response, None, at.timestamp())
        step = forecast.step_at(at.timestamp())
        assert step
        found = observation_from_step(city(lat, 10.5), "met-norway", step, forecast)
        sky = weather_at(lat, 10.5, at.replace(minute=0).timestamp())
        assert found.find_problem() is None
        assert found.temperature == round(sky.temperature, 1)
        assert found.wind_gust == round(sky.wind_gust, 1)
        assert found.observed_at == at.replace(minute=0)
        assert 1790 <= forecast.expires - at.timestamp() <= 1930


def test_forecast_steps(now: datetime) -> None:
    """A forecast has 54 hourly steps, then 28 every six hours without ``next_1_hours``; the last has no periods."""
    steps = simulated_met.handle_compact(forecast_request("60.1", "10"), now).body["properties"]["timeseries"]
    assert len(steps) == 82
    assert ["next_1_hours" in step["data"] for step in steps] == [True] * 54 + [False] * 28
    assert steps[-1]["data"].keys() == {"instant"}
    times = [datetime.fromisoformat(step["time"]) for step in steps]
    assert times[0] <= now < times[1] == times[0] + timedelta(hours=1)
    assert times[-1] - times[-2] == timedelta(hours=6)


def test_only_the_complete_forecast_has_gusts(now: datetime) -> None:
    """Each detail of a step has a unit in ``meta``; ``compact`` has no gusts."""
    for handle, has_gusts in ((simulated_met.handle_compact, False), (simulated_met.handle_complete, True)):
        properties = handle(forecast_request("60.1", "10"), now).body["properties"]
        details = properties["timeseries"][0]["data"]["instant"]["details"]
        assert details.keys() <= properties["meta"]["units"].keys()
        assert ("wind_speed_of_gust" in details) == has_gusts


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ({"lat": "59.9139", "lon": "10.7522"}, AGENT, 200),
        ({"lat": "59.9139", "lon": "10.7522", "altitude": "12"}, AGENT, 200),
        ({"lat": "59.91390", "lon": "10.7522"}, AGENT, 403),
        ({"lat": "59.9139"}, AGENT, 400),
        ({"lat": "99", "lon": "10"}, AGENT, 400),
        ({"lat": "59", "lon": "10"}, {"User-Agent": "python-requests/2.32"}, 403),
        ({"lat": "59", "lon": "10"}, {"User-Agent": "weatherd"}, 403),
        ({"lat": "59", "lon": "10"}, {"User-Agent": "weatherd github.com/me/weatherd"}, 200),
    ],
)
async def test_met_norway_rules(
    simulate: Simulate, query: dict[str, str], headers: dict[str, str], status: int
) -> None:
    """Requests need at most four decimals, both coordinates, and a User-Agent with a contact."""
    client = await simulate()
    async with client.get(COMPACT, params=query, headers=headers) as response:
        assert response.status == status


async def test_not_modified(simulate: Simulate) -> None:
    """A 304 has an ``Expires`` header, and is sent only for the exact ``Last-Modified``."""
    client = await simulate()
    query = {"lat": "59.9", "lon": "10.7"}
    async with client.get(COMPACT, params=query, headers=AGENT) as first:
        modified = first.headers["Last-Modified"]
    async with client.get(COMPACT, params=query, headers=AGENT | {"If-Modified-Since": modified}) as again:
        assert (again.status, await again.read()) == (304, b"")
        left = parsedate_to_datetime(again.headers["Expires"]) - parsedate_to_datetime(again.headers["Date"])
        assert 1800 <= left.total_seconds() <= 1920
        assert again.headers["Last-Modified"] == modified
    async with client.get(COMPACT, params=query, headers=AGENT | {"If-Modified-Since": "yesterday"}) as other:
        assert other.status == 200


def test_every_code_has_a_known_symbol() -> None:
    """Each WMO code has a symbol, by day and by night, that weatherd's parser knows."""
    for code in (
        *range(4),
        45,
        48,
        51,
        53,
        55,
        56,
        57,
        61,
        63,
        65,
        66,
        67,
        71,
        73,
        75,
        77,
        *range(80, 83),
        85,
        86,
        95,
        96,
        99,
    ):
        for is_day in (True, False):
            assert parse_symbol(symbol_code(code, is_day=is_day)) != (None, "unknown")


@pytest.mark.parametrize("at", HOURS)
async def test_weatherd_parses_the_simulated_reports(simulate: Simulate, at: datetime) -> None:
    """Bright Sky's report is from the last half hour; its condition is consistent with its clouds."""
    client = await simulate()
    async with client.get("/current_weather", params={"lat": "52.5", "lon": "13.4"}) as response:
        found = parse_bright_sky(city(52.5, 13.4), Response(200, await response.read()), at)
    assert found.find_problem() is None
    assert found.observed_at.minute in (0, 30)
    assert found.station
    if found.precipitation == 0 and found.cloud_cover is not None and found.code is not None and found.code < 4:
        assert abs(found.code - cloud_code(found.cloud_cover)) <= 1


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        ({"lat": "48.85", "lon": "2.35"}, 404, "No sources match your criteria"),
        ({"lat": "nan", "lon": "10"}, 422, None),
        ({"lon": "10"}, 422, None),
    ],
)
async def test_bright_sky_errors(simulate: Simulate, query: dict[str, str], status: int, detail: str | None) -> None:
    """Outside Germany there is no source; invalid coordinates are explained in a list."""
    client = await simulate()
    async with client.get("/current_weather", params=query) as response:
        body = await response.json()
        assert response.status == status
        assert body["detail"] == detail if detail else body["detail"][0]["msg"]


async def test_nws_station_lookup(simulate: Simulate, now: datetime) -> None:
    """A point leads to stations by distance, and to the latest observation, made at the station's minute."""
    client = await simulate()

    async def fetch(path: str) -> Any:
        async with client.get(path, headers=AGENT) as response:
            assert (response.status, response.content_type) == (200, "application/geo+json")
            return await response.json()

    address = (await fetch("/points/39.7456,-97.0892"))["properties"]["observationStations"]
    assert address.startswith(str(client._base_url))  # on the host of the request
    stations = (await fetch(address))["features"]
    assert len(stations) >= 3
    name = stations[0]["properties"]["stationIdentifier"]
    latest = await fetch(f"/stations/{name}/observations/latest")
    found = parse_nws(city(39.7, -97), Response(200, json.dumps(latest).encode()), now)
    assert found.find_problem() is None
    assert found.station == name
    assert 51 <= found.observed_at.minute <= 56
    assert timedelta(minutes=3) <= now - found.observed_at < timedelta(hours=1, minutes=20)
    for path in (f"/stations/{name}/observations", f"/stations/{name}/observations/?limit=3"):
        listed = (await fetch(path))["features"]
        assert listed[0] == latest
        assert len(listed) == (3 if "limit" in path else 24)


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/points/39.74561,-97.0892", 301, "AdjustPointPrecision"),
        ("/points/39.10,-97", 301, "AdjustPointPrecision"),
        ("/points/51.5072,-0.1275", 404, "InvalidPoint"),
        ("/points/somewhere", 404, "NotFound"),
        ("/stations/NONE/observations/latest", 404, "NotFound"),
        ("/gridpoints/SIM/1,999999/stations", 404, "NotFound"),
        ("/points/39,-97?units=si", 400, "BadRequest"),
    ],
)
async def test_nws_problems(simulate: Simulate, path: str, status: int, kind: str) -> None:
    """Each error is a problem document of its kind; a point with too many decimals is redirected."""
    client = await simulate()
    async with client.get(path, headers=AGENT, allow_redirects=False) as response:
        body = json.loads(await response.read())
        assert (response.status, response.content_type) == (status, "application/problem+json")
        assert body["type"].rpartition("/")[2] == kind
        assert ("Location" in response.headers) == (status == 301)
