"""OpenWeatherMap: constructed responses, and a server that counts requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import KIEL, resources
from tests.support.virtual_time import EPOCH, now
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.daemon.wiring import open_providers
from weatherd.errors import ConfigError, Failure, ProviderError
from weatherd.http.response import Response
from weatherd.http.session import open_session
from weatherd.providers.openweathermap import client as openweathermap
from weatherd.providers.openweathermap.client import build_openweathermap_query, parse_openweathermap

if TYPE_CHECKING:
    from weatherd.observation import Observation

MAIN: dict[str, Any] = {"temp": -3, "feels_like": -7.5, "pressure": 1002, "humidity": 81}
KEY = "a+b&c=d%2Be%zz#f;g/h?i"
ADVICE = " (check openweathermap.api_key; a new key takes up to two hours to work)"
DOCUMENT: dict[str, Any] = {
    "coord": {"lon": 10.12, "lat": 54.31},
    "weather": [{"id": 601, "main": "Snow", "description": "snow", "icon": "13n"}],
    "main": MAIN,
    "visibility": 800,
    "wind": {"speed": 4.25, "deg": 359, "gust": 11},
    "snow": {"1h": 0.4},
    "clouds": {"all": 100},
    "dt": 1767225600,
    "cod": 200,
}


def parse(document: Any, status: int = 200) -> Observation:
    """Parse a document as the body of a response."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_openweathermap(KIEL, Response(status, body), EPOCH)


def parse_one(**values: Any) -> Observation:
    """Parse the usual document with other *values*; Ellipsis removes one."""
    return parse({name: value for name, value in (DOCUMENT | values).items() if value is not ...})


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_the_query_has_plain_decimals(lat: float, lon: float) -> None:
    """Coordinates have no exponents and are exact to a metre."""
    query = dict(parse_qsl(build_openweathermap_query(City(name="x", lat=lat, lon=lon))))
    assert (float(query["lat"]), float(query["lon"])) == pytest.approx((lat, lon), abs=6e-6)
    assert "e" not in query["lat"] + query["lon"]


async def test_the_service_receives_any_key() -> None:
    """The key arrives as it is set, whatever its characters; units and language are requested."""
    seen: dict[str, str] = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(request.query)
        return web.json_response(DOCUMENT)

    application = web.Application()
    application.router.add_get("/data/2.5/weather", handler)
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(application))
        own = {"base_url": str(server.make_url("")), "api_key": KEY, "language": "pt_br"}
        providers = await stack.enter_async_context(open_providers(Settings(openweathermap=own), now))
        await providers.usable["openweathermap"].fetch(KIEL)
    assert seen == {"units": "metric", "lang": "pt_br", "appid": KEY, "lat": "54.30590", "lon": "10.12328"}


def test_each_value_is_parsed() -> None:
    """Each value is in its field."""
    found = parse_one()
    assert (found.city, found.provider, found.station) == (KIEL.id, "openweathermap", "")
    assert (found.observed_at, found.fetched_at) == (datetime(2026, 1, 1, tzinfo=UTC), EPOCH)
    assert (found.temperature, found.apparent_temperature, found.relative_humidity) == (-3, -7.5, 81)
    assert (found.pressure_msl, found.precipitation, found.cloud_cover, found.visibility) == (1002, 0.4, 100, 800)
    assert (found.wind_speed, found.wind_direction, found.wind_gust) == (4.25, 359, 11)
    assert (found.code, found.description) == (73, "snow")


@pytest.mark.parametrize("cod", [200, "200", 200.0, ..., None])
def test_the_status_in_the_body(cod: Any) -> None:
    """The status in the body may be 200 as a number or a text, or missing."""
    assert parse_one(cod=cod).temperature == -3


NO_STATUS: list[Any] = ["", "٤٠٤", "200\n", "ok", True, 0, -1, 99, 600, 10**30, 200.5, [], {}]


@pytest.mark.parametrize(
    ("cod", "reason", "failure"),
    [
        (404, "404: city not found", Failure.REJECTED),
        ("404", "404: city not found", Failure.REJECTED),
        (401, f"401: city not found{ADVICE}", Failure.DENIED),
        ("429", "429: city not found", Failure.RATE_LIMITED),
        (500, "500: city not found", Failure.BROKEN),
        (100, "100: city not found", Failure.UNAVAILABLE),
        (599, "599: city not found", Failure.UNAVAILABLE),
        *((cod, "the response has a 'cod' that is not an HTTP status", Failure.MALFORMED) for cod in NO_STATUS),
    ],
)
def test_an_error_in_the_body_counts_under_status_200(cod: Any, reason: str, failure: Failure) -> None:
    """The status in the body counts; anything but a status is malformed."""
    with pytest.raises(ProviderError) as caught:
        parse_one(cod=cod, message="city\nnot  found")
    assert (str(caught.value), caught.value.failure) == (reason, failure)


@pytest.mark.parametrize(
    ("kelvin", "celsius"), [(298.48, 25.33), (173.15, -100), (343.15, 70), (273.15, 0), (70, 70), (-100, -100)]
)
def test_kelvin_is_recognized(kelvin: float, celsius: float) -> None:
    """No place is as hot in °C as the coldest is in kelvin; the apparent temperature is in the same unit."""
    found = parse_one(main=MAIN | {"temp": kelvin, "feels_like": kelvin})
    assert (found.temperature, found.apparent_temperature) == (celsius, celsius)


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        ({"sea_level": 1013, "pressure": 961}, 1013),
        ({"sea_level": None, "pressure": 961}, 961),
        ({"sea_level": 0, "pressure": 961}, 961),
        ({"sea_level": "1013", "pressure": 961}, 961),
        ({"sea_level": 1013.25, "pressure": None}, 1013.25),
        ({"pressure": 96100}, None),
    ],
)
def test_pressure_at_sea_level_is_preferred(main: dict[str, Any], expected: float | None) -> None:
    """The other pressure is used if that at sea level is missing or impossible."""
    assert parse_one(main=MAIN | main).pressure_msl == expected


@pytest.mark.parametrize(
    ("rain", "snow", "expected"),
    [
        ({"1h": 0.1}, {"1h": 0.2}, 0.3),
        ({"1h": 5.08}, None, 5.08),
        (None, None, 0),
        (..., ..., 0),
        (..., {"1h": 0.5}, 0.5),
        ({"3h": 3}, {"3h": 1}, None),
        ({"3h": 3}, ..., None),
        ({"3h": 3}, {"1h": 0.5}, None),
        ({"1h": 0}, ..., 0),
        ({"1h": None}, {}, None),
        ({"1h": "1"}, [], None),
        ({"1h": -1}, {"1h": 2}, None),
        (5.97, True, None),
    ],
)
def test_precipitation_is_of_the_last_hour(rain: Any, snow: Any, expected: float | None) -> None:
    """It is the sum of rain and snow; one that is missing or null does not fall; the old sum of three hours is None."""
    assert parse_one(rain=rain, snow=snow).precipitation == expected


NO_CODE: list[Any] = ["601", None, True, 10**30, [], -1, 601.5]
NO_WEATHER: list[Any] = [[], None, ..., {}, [None], ["snow"], "snow", [[]], {"0": {}}]
SNOW, FOG = DOCUMENT["weather"][0], {"id": 741, "main": "Fog", "description": "fog"}


@pytest.mark.parametrize(
    ("weather", "expected"),
    [
        ([FOG, SNOW], (45, "fog")),
        ([SNOW, FOG], (73, "snow")),
        ([SNOW | {"description": "céu\nlimpo \x07"}], (73, "céu limpo")),
        ([SNOW | {"description": "x" * 1000}], (73, "x" * 200)),
        ([SNOW | {"description": ""}], (73, "snow")),
        ([SNOW | {"description": None, "main": None}], (73, "moderate snow fall")),
        ([SNOW | {"description": "\x00", "main": "\n"}], (73, "moderate snow fall")),
        ([{"id": 999, "main": "Weird", "description": "strange light"}], (None, "strange light")),
        ([{"id": 999, "main": "Weird"}], (None, "weird")),
        ([{"id": 601.0}], (73, "moderate snow fall")),
        *(([{"id": bad}], (None, "unknown")) for bad in NO_CODE),
        *((bad, (None, "unknown")) for bad in NO_WEATHER),
    ],
)
def test_the_first_condition_counts(weather: Any, expected: tuple[int | None, str]) -> None:
    """The description is the service's text on one line, else that of the code, else ``unknown``."""
    found = parse_one(weather=weather)
    assert (found.code, found.description) == expected


BAD: list[Any] = [None, ..., "5", True, [], {}, 1e9, -1e9, 10**300]
FIELDS = {
    ("main", "feels_like"): "apparent_temperature",
    ("main", "humidity"): "relative_humidity",
    ("main", "pressure"): "pressure_msl",
    ("wind", "speed"): "wind_speed",
    ("wind", "deg"): "wind_direction",
    ("wind", "gust"): "wind_gust",
    ("clouds", "all"): "cloud_cover",
}


@pytest.mark.parametrize(("path", "field"), FIELDS.items())
@pytest.mark.parametrize("value", BAD)
def test_other_values_are_optional(path: tuple[str, str], field: str, value: Any) -> None:
    """A value that is null, missing or invalid is None; all others are parsed."""
    section = DOCUMENT[path[0]] | {path[1]: value}
    found = parse_one(**{path[0]: {name: it for name, it in section.items() if it is not ...}})
    assert [name for name in FIELDS.values() if getattr(found, name) is None] == [field]


@pytest.mark.parametrize("section", ["wind", "clouds", "visibility", "rain", "snow", "weather", "coord"])
@pytest.mark.parametrize("value", [*BAD, [{}], "\ud800"])
def test_a_whole_section_may_be_invalid(section: str, value: Any) -> None:
    """Only ``main`` and ``dt`` are required."""
    assert parse_one(**{section: value}).temperature == -3


def test_missing_sections_are_unknown_and_not_zero() -> None:
    """Without wind, clouds and visibility their values are None; only rain and snow may be left out."""
    found = parse_one(wind=..., clouds=..., visibility=..., rain=..., snow=...)
    assert (found.wind_speed, found.wind_direction, found.wind_gust) == (None, None, None)
    assert (found.cloud_cover, found.visibility, found.precipitation) == (None, None, 0)


@pytest.mark.parametrize("temp", [None, "12", True, [], {}, 71, 149, 344, -101, 10**300, 1e300])
def test_without_a_temperature_there_is_no_observation(temp: Any) -> None:
    """A response without a possible temperature is a failed poll."""
    with pytest.raises(ProviderError, match=r"^the response has (no|an impossible) temperature") as caught:
        parse_one(main=MAIN | {"temp": temp})
    assert caught.value.failure is Failure.EMPTY


@pytest.mark.parametrize("dt", [None, ..., "1767225600", True, 0, 1767225600000, [], {}, -5])
def test_without_a_time_there_is_no_observation(dt: Any) -> None:
    """An invalid or impossible time is a failed poll."""
    with pytest.raises(ProviderError, match=r"^the response has no valid time of observation$"):
        parse_one(dt=dt)


@pytest.mark.parametrize(
    "document", [None, 5, "x", [], [DOCUMENT], {}, {"main": []}, {"main": None}, {"list": [DOCUMENT]}]
)
def test_documents_of_another_form(document: Any) -> None:
    """JSON that is not the current weather of one place is malformed."""
    with pytest.raises(ProviderError, match=r"^the response is not the current weather of one place$") as caught:
        parse(document)
    assert caught.value.failure is Failure.MALFORMED


@pytest.mark.parametrize("header", [{}, {"Retry-After": "600"}])
def test_a_limit_may_have_a_duration(header: dict[str, str]) -> None:
    """``Retry-After`` is in the error."""
    with pytest.raises(ProviderError) as caught:
        parse_openweathermap(KIEL, Response(429, b"{}", header), EPOCH)
    assert (caught.value.failure, caught.value.retry_after) == (Failure.RATE_LIMITED, 600 if header else None)


@pytest.mark.parametrize(("block", "limit"), [({}, 10), ({"concurrency": 3}, 3)])
async def test_the_number_of_concurrent_requests_is_limited(block: dict[str, Any], limit: int) -> None:
    """100 cities are 100 requests, ten at a time by default; each city has its own weather."""
    running, max_running = 0, 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal running, max_running
        running += 1
        max_running = max(max_running, running)
        await asyncio.sleep(3)
        running -= 1
        assert request.query["appid"] == "k"
        return web.json_response(DOCUMENT | {"main": {"temp": float(request.query["lat"])}})

    application = web.Application()
    application.router.add_get("/data/2.5/weather", handler)
    cities = [City(name=f"c{n}", lat=n / 2, lon=0.0) for n in range(100)]
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(application))
        own = {"base_url": str(server.make_url("")), "api_key": "k", "plan": "unlimited"}
        providers = await stack.enter_async_context(open_providers(Settings(openweathermap={**own, **block}), now))
        found = await asyncio.gather(*map(providers.usable["openweathermap"].fetch, cities))
    assert [(it.city, it.temperature) for it in found] == [(city.id, city.lat) for city in cities]
    assert max_running == limit


async def test_without_a_key_it_is_not_opened() -> None:
    """The error names the setting."""
    async with open_session("weatherd/test") as session:
        with pytest.raises(ConfigError, match="set OPEN_WEATHER_API_KEY"):
            openweathermap.open_provider(Settings(), resources(session))
