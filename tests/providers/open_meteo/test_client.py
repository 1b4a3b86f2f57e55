"""Open-Meteo: constructed responses, and a server that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import BERLIN, KIEL, MUNICH, resources
from tests.support.virtual_time import EPOCH
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.http.session import open_session
from weatherd.providers.open_meteo import client as open_meteo
from weatherd.providers.open_meteo.client import COMMON_QUERY, build_open_meteo_query, parse_open_meteo
from weatherd.simulator.quotas import open_meteo_call_weight

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from weatherd.observation import Observation
    from weatherd.providers import Provider

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEY = "0123456789abcdef"
UNITS = {"time": "unixtime", "temperature_2m": "°C", "wind_speed_10m": "m/s"}
CURRENT: dict[str, Any] = {
    "time": 1767225600,
    "interval": 900,
    "temperature_2m": -3,
    "relative_humidity_2m": 81,
    "apparent_temperature": -7.5,
    "weather_code": 71,
    "cloud_cover": 100,
    "pressure_msl": 1002.5,
    "wind_speed_10m": 4.25,
    "wind_direction_10m": 359,
    "wind_gusts_10m": 11,
}
QUARTERS = {"time": [CURRENT["time"] - 900 * n for n in (3, 2, 1, 0)], "precipitation": [0.1, 0, 0.1, 0.2]}
OPTIONAL = set(CURRENT) - {"time", "temperature_2m", "interval", "weather_code"}


def place(units: dict[str, Any] | None = None, offset: Any = 0, **values: Any) -> dict[str, Any]:
    """Return the response for one city, with other *values*; Ellipsis removes one."""
    current = {name: value for name, value in (CURRENT | values).items() if value is not ...}
    head = {"latitude": 54.3, "longitude": 14.999998, "utc_offset_seconds": offset}
    quarters = {"minutely_15_units": {"precipitation": "mm"} | (units or {}), "minutely_15": QUARTERS}
    return head | {"current_units": UNITS | (units or {}), "current": current} | quarters


def parse(document: Any, cities: tuple[City, ...] = (KIEL,), status: int = 200) -> list[Observation | ProviderError]:
    """Parse a document as the body of a response."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_open_meteo(cities, Response(status, body), EPOCH)


def parse_one(document: Any) -> Observation:
    """Return the one observation in a document."""
    (found,) = parse(document)
    if isinstance(found, ProviderError):
        raise found
    return found


def parse_query(cities: Sequence[City]) -> dict[str, list[str]]:
    """Return the parameters of a request for *cities*."""
    return parse_qs(f"{urlencode(COMMON_QUERY)}&{build_open_meteo_query(cities)}", strict_parsing=True)


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=100))
def test_the_query_has_plain_decimals(places: list[tuple[float, float]]) -> None:
    """Coordinates have no exponents, are exact to a metre and in order; 100 cities are far below what proxies cut."""
    query = parse_query([City(name="x", lat=lat, lon=lon) for lat, lon in places])
    for index, name in enumerate(("latitude", "longitude")):
        values = query[name][0].split(",")
        assert [float(value) for value in values] == pytest.approx([pair[index] for pair in places], abs=6e-6)
        assert not any("e" in value for value in values)
    assert sum(len(value) for (value,) in query.values()) < 4000
    assert query["current"][0].count(",") + query["minutely_15"][0].count(",") == 8, "ten variables: a city is one call"


def test_each_value_is_parsed() -> None:
    """Each variable is in its field."""
    found = parse_one(place())
    assert (found.city, found.provider, found.station) == (KIEL.id, "open-meteo", "")
    assert (found.observed_at, found.fetched_at) == (datetime(2026, 1, 1, tzinfo=UTC), EPOCH)
    assert (found.temperature, found.apparent_temperature, found.relative_humidity) == (-3, -7.5, 81)
    assert (found.pressure_msl, found.precipitation, found.cloud_cover, found.visibility) == (1002.5, 0.4, 100, None)
    assert (found.wind_speed, found.wind_direction, found.wind_gust) == (4.25, 359, 11)
    assert (found.code, found.description) == (71, "slight snow fall")


@pytest.mark.parametrize("name", sorted(OPTIONAL))
@pytest.mark.parametrize("value", [None, ..., "5", True, [], {}, 1e9, -1e9, 10**300])
def test_other_values_are_optional(name: str, value: Any) -> None:
    """A value that is null, missing or invalid is None; all others are parsed."""
    found = parse_one(place(**{name: value}))
    fields = [found.apparent_temperature, found.relative_humidity, found.pressure_msl, found.precipitation]
    fields += [found.cloud_cover, found.wind_speed, found.wind_direction, found.wind_gust]
    assert sum(field is None for field in fields) == 1
    assert (found.temperature, found.code) == (-3, 71)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (None, (None, "unknown")),
        (..., (None, "unknown")),
        ("71", (None, "unknown")),
        (3.5, (None, "unknown")),
        (42, (42, "unknown (42)")),
        (95.0, (95, "thunderstorm")),
    ],
)
def test_codes(code: Any, expected: tuple[int | None, str]) -> None:
    """An undocumented code remains; anything but an integer is unknown."""
    found = parse_one(place(weather_code=code))
    assert (found.code, found.description) == expected


@pytest.mark.parametrize(
    ("units", "temperature", "wind", "rain"),
    [
        ({"wind_speed_10m": "km/h"}, 36, 10, 0.4),
        ({"wind_speed_10m": "mp/h"}, 36, 16.09344, 0.4),
        ({"wind_speed_10m": "mph"}, 36, 16.09344, 0.4),
        ({"wind_speed_10m": "kn"}, 36, 18.52, 0.4),
        ({"temperature_2m": "°F"}, 2.222222222, 36, 0.4),
        ({"precipitation": "inch"}, 36, 36, 10.16),
        ({"wind_speed_10m": None}, 36, 36, 0.4),
    ],
)
def test_units_are_read_not_assumed(units: dict[str, Any], temperature: float, wind: float, rain: float) -> None:
    """A server that ignores the requested units names others in the response."""
    found = parse_one(place(units, temperature_2m=36, wind_speed_10m=36))
    assert (found.temperature, found.wind_speed, found.precipitation) == (temperature, wind, rain)


@pytest.mark.parametrize("is_usual", [True, False])
@pytest.mark.parametrize(
    ("times", "amounts", "expected"),
    [
        ([-2700, -1800, -900, 0], [0.1, 0, 0.1, 0.2], 0.4),
        ([-2700, -1800, -900, 0], [0, 0.0, -0.0, 0], 0),
        ([-2700, -1800, -900, 0], [0.1, None, 0.1, 0.2], None),
        ([-2700, -1800, -900, 0], [0.1, -1, 0.1, 0.2], None),
        ([-2700, -1800, -900, 0], [0.1, "1", 0.1, 0.2], None),
        ([-2700, -1800, -900, 0], [0.1, 0.1, 0.2], None),
        ([-3600, -2700, -1800, -900, 0, 900], [8, 0.1, 0, 0.1, 0.2, 8], 0.4),
        ([-1800, -900, 0, 900], [1, 1, 1, 1], None),
        ([-3600, -2700, -1800, -900], [1, 1, 1, 1], None),
        ([-2700, -1800, -900, 0], [400, 400, 400, 0], None),
        ([], [], None),
        (None, None, None),
        ([-2700, -1800, -900, 0], {"0": 1}, None),
    ],
)
def test_precipitation_is_of_the_past_hour(times: Any, amounts: Any, expected: float | None, *, is_usual: bool) -> None:
    """It is the sum of the four quarters of an hour up to the observation, and None if one is missing.

    The precipitation in ``current``, which a server may send unasked, is of 15 minutes and is not used.
    """
    document = place(precipitation=7.0, weather_code=71 if is_usual else "71")
    document["minutely_15"] = {"time": times and [CURRENT["time"] + time for time in times], "precipitation": amounts}
    assert parse_one(document).precipitation == expected


def test_precipitation_in_local_time() -> None:
    """A server that ignores ``timeformat`` sends local times, which are compared as they are."""
    document = place(time="2026-01-01T01:00", offset=3600)
    times = ["2026-01-01T00:15", "2026-01-01T00:30", "2026-01-01T00:45", "2026-01-01T01:00"]
    document["minutely_15"] = {"time": times, "precipitation": [0.1, 0.2, 0.3, 0.4]}
    assert parse_one(document).precipitation == 1.0


@pytest.mark.parametrize(
    ("time", "offset", "expected"),
    [
        (1767225600, 3600, datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T01:00", 3600, datetime(2026, 1, 1, tzinfo=UTC)),
        ("2025-12-31T14:30", -34200, datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00", None, datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00", "garbage", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00", 10**30, datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00", 86400, datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00Z", 3600, datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T05:45+05:45", 3600, datetime(2026, 1, 1, tzinfo=UTC)),
        (1767226500, 0, datetime(2026, 1, 1, 0, 15, tzinfo=UTC)),  # slightly in the future
    ],
)
def test_times(time: Any, offset: Any, expected: datetime) -> None:
    """A POSIX time is in UTC whatever the offset; a local time has the offset, or its own."""
    assert parse_one(place(offset=offset, time=time)).observed_at == expected


BAD_TIMES: list[Any] = [
    None,
    ...,
    "",
    "now",
    "0001-01-01T00:00",
    "9999-12-31T23:59",
    "\ud800",
    True,
    0,
    1e18,
    -5,
    [],
    {},
]


@pytest.mark.parametrize("time", BAD_TIMES)
def test_without_a_time_there_is_no_observation(time: Any) -> None:
    """An invalid or impossible time is a failed poll."""
    with pytest.raises(ProviderError, match=r"^the response has no valid time of observation$"):
        parse_one(place(time=time))


@pytest.mark.parametrize("temperature", [None, ..., "12", True, [], {}, 71, -101, 10**300])
def test_without_a_temperature_there_is_no_observation(temperature: Any) -> None:
    """A response without a possible temperature is a failed poll."""
    with pytest.raises(ProviderError, match=r"^the response has (no|an impossible) temperature"):
        parse_one(place(temperature_2m=temperature))


@pytest.mark.parametrize("document", [None, 5, "x", [], [[]], [None], {}, {"current": []}, {"current": None}, [{}]])
def test_documents_of_another_form(document: Any) -> None:
    """JSON that is not a forecast is malformed, for one city or for all."""
    with pytest.raises(ProviderError) as caught:
        parse_one(document)
    assert caught.value.failure is Failure.MALFORMED


def test_one_of_many_has_no_weather() -> None:
    """A city without current weather fails alone; the others keep their order."""
    first, second, third = parse(
        [place(temperature_2m=1), {"error": True}, place(temperature_2m=3)], (KIEL, BERLIN, MUNICH)
    )
    assert isinstance(second, ProviderError)
    assert not isinstance(first, ProviderError)
    assert not isinstance(third, ProviderError)
    assert [(first.city, first.temperature), (third.city, third.temperature)] == [(KIEL.id, 1), (MUNICH.id, 3)]


@pytest.mark.parametrize(("document", "count"), [([], 0), ([place()], 1), (place(), 1), ([place()] * 3, 3)])
def test_a_list_of_another_length_is_malformed(document: Any, count: int) -> None:
    """Places are matched by index, so their number has to be right."""
    with pytest.raises(ProviderError, match=f"^2 cities were requested, the response has {count}$") as caught:
        parse(document, (KIEL, BERLIN))
    assert caught.value.failure is Failure.MALFORMED


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"error": True, "reason": "Invalid timezone"}, ("400: Invalid timezone", Failure.REJECTED)),
        (400, {"reason": "Invalid\ntimezone", "error": True}, ("400: Invalid timezone", Failure.REJECTED)),
        (400, {"error": True, "reason": "The supplied API key is invalid."}, (..., Failure.DENIED)),
        (401, {"error": True, "reason": "API key required."}, (..., Failure.DENIED)),
        (404, b"<html>", ("the service responded with status 404", Failure.DENIED)),
        (503, {"error": True, "reason": None}, ("the service responded with status 503", Failure.UNAVAILABLE)),
        (500, place(), ("the service responded with status 500", Failure.BROKEN)),
        (400, [], ("the service responded with status 400", Failure.REJECTED)),
    ],
)
def test_errors(status: int, body: Any, expected: tuple[Any, Failure]) -> None:
    """The error has the service's own reason, on one line, and the right kind of failure."""
    with pytest.raises(ProviderError) as caught:
        parse(body, status=status)
    assert caught.value.failure is expected[1]
    assert expected[0] in (..., str(caught.value))


@pytest.mark.parametrize(
    ("reason", "at", "seconds"),
    [
        ("Minutely API request limit exceeded. Please try again in one minute.", "12:34:56", 4 + 5),
        ("Hourly API request limit exceeded. Please try again in the next hour.", "12:34:56", 25 * 60 + 4 + 5),
        ("Daily API request limit exceeded. Please try again tomorrow.", "12:34:56", 11 * 3600 + 25 * 60 + 4 + 5),
        ("Too many requests", "12:34:56", None),
    ],
)
def test_the_text_of_a_limit_names_its_window(reason: str, at: str, seconds: float | None) -> None:
    """``retry_after`` is the end of the window, in UTC, and five seconds more because clocks differ."""
    moment = datetime.fromisoformat(f"2026-01-31T{at}+00:00")
    with pytest.raises(ProviderError) as caught:
        parse_open_meteo([KIEL], Response(429, json.dumps({"reason": reason, "error": True}).encode()), moment)
    assert (caught.value.failure, caught.value.retry_after) == (Failure.RATE_LIMITED, seconds)


def test_a_city_counts_as_one_call() -> None:
    """By the service's formula of places, variables and days, a request counts as many calls as it has cities."""
    for cities in ([KIEL], [KIEL, BERLIN, MUNICH], [KIEL] * 100):
        assert open_meteo_call_weight(parse_query(cities)) == len(cities)


def test_too_many_concurrent_requests() -> None:
    """This 429 has no window: it leads to a short pause and fewer concurrent requests."""
    with pytest.raises(ProviderError) as caught:
        parse_open_meteo([KIEL], Response(429, b'{"error":true,"reason":"Too many concurrent requests"}'), EPOCH)
    assert (caught.value.failure, caught.value.retry_after) == (Failure.CONCURRENCY_LIMITED, None)


@contextlib.asynccontextmanager
async def run_service(handler: Handler, **block: Any) -> AsyncIterator[Provider]:
    """Open the provider for a test server with one handler."""
    application = web.Application()
    application.router.add_get("/v1/forecast", handler)
    async with TestServer(application) as server, open_session("weatherd/test") as session:
        settings = Settings(open_meteo={"base_url": str(server.make_url("")), "api_key": KEY, **block})
        async with open_meteo.open_provider(settings, resources(session)) as provider:
            yield provider


async def test_many_cities_are_few_requests() -> None:
    """450 cities are five requests, two at a time as the service demands; each city has its own weather."""
    running, max_running, sizes = 0, 0, []

    async def handler(request: web.Request) -> web.Response:
        nonlocal running, max_running
        running += 1
        max_running = max(max_running, running)
        await asyncio.sleep(3)
        running -= 1
        latitudes = [float(text) for text in request.query["latitude"].split(",")]
        sizes.append(len(latitudes))
        return web.json_response([place(temperature_2m=latitude) for latitude in latitudes])

    cities = [City(name=f"c{n}", lat=n / 10, lon=0.0) for n in range(450)]
    async with run_service(handler) as provider:
        found = await asyncio.gather(*map(provider.fetch, cities))
    assert [(observation.city, observation.temperature) for observation in found] == [
        (city.id, city.lat) for city in cities
    ]
    assert (sizes, max_running) == ([100, 100, 100, 100, 50], 2)


@pytest.mark.parametrize("number", ["-nan", "nan", "inf"])
async def test_a_number_that_is_not_finite_costs_nothing_else(number: str) -> None:
    """A hundred cities, one with ``"latitude":-nan``, and one without humidity, are one request; all have weather."""
    sizes = []

    async def handler(request: web.Request) -> web.Response:
        sizes.append(len(request.query["latitude"].split(",")))
        bodies = [json.dumps(place()) for _ in range(sizes[-1])]
        bodies[17] = bodies[17].replace('"latitude": 54.3', f'"latitude":{number}')
        bodies[33] = bodies[33].replace('"relative_humidity_2m": 81', f'"relative_humidity_2m":{number}')
        return web.Response(text=f"[{','.join(bodies)}]", content_type="application/json")

    cities = [City(name=f"c{n}", lat=n / 10, lon=0.0) for n in range(100)]
    async with run_service(handler) as provider:
        found = await asyncio.gather(*map(provider.fetch, cities))
    assert sizes == [100]
    humidities = {observation.city: observation.relative_humidity for observation in found}
    assert humidities == {city.id: None if city.id == "c33" else 81 for city in cities}


async def test_a_city_that_makes_the_request_fail_fails_alone() -> None:
    """The service rejects the whole request; the other cities have weather in the same poll."""

    async def handler(request: web.Request) -> web.Response:
        latitudes = request.query["latitude"].split(",")
        if "52.52102" in latitudes:
            return web.json_response({"error": True, "reason": "No data is available for this location"}, status=400)
        places = [place() for _ in latitudes]
        return web.json_response(places if len(places) > 1 else places[0])

    async with run_service(handler) as provider:
        kiel, berlin, munich = await asyncio.gather(
            *map(provider.fetch, (KIEL, BERLIN, MUNICH)), return_exceptions=True
        )
    assert str(berlin) == "400: No data is available for this location"
    assert [getattr(outcome, "city", None) for outcome in (kiel, munich)] == [KIEL.id, MUNICH.id]
