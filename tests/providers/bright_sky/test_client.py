"""Bright Sky: constructed responses, and a server on loopback."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import KIEL, resources
from tests.support.virtual_time import EPOCH, now
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.http.session import open_session
from weatherd.providers.bright_sky import client as bright_sky
from weatherd.providers.bright_sky.client import build_bright_sky_query, parse_bright_sky

if TYPE_CHECKING:
    from weatherd.observation import Observation

WEATHER: dict[str, Any] = {
    "source_id": 4711,
    "timestamp": "2026-01-01T01:30:00+01:00",
    "temperature": -3,
    "condition": "snow",
    "icon": "snow",
    "cloud_cover": 100,
    "relative_humidity": 81,
    "pressure_msl": 1002.5,
    "precipitation_10": 0.1,
    "precipitation_60": 0.4,
    "visibility": 800,
    "wind_speed_10": 18,
    "wind_speed_30": 36,
    "wind_speed_60": 54,
    "wind_direction_10": 359,
    "wind_direction_30": 10,
    "wind_direction_60": 20,
    "wind_gust_speed_10": 36.0,
    "wind_gust_speed_30": 72,
    "wind_gust_speed_60": 90,
}
FIELDS = {
    "source_id": "station",
    "cloud_cover": "cloud_cover",
    "relative_humidity": "relative_humidity",
    "pressure_msl": "pressure_msl",
    "precipitation_60": "precipitation",
    "visibility": "visibility",
}
BAD: list[Any] = [None, ..., "5", True, [], {}, 1e12, -1e12, 10**300]
NOTHING: list[Any] = [None, 5, [], {}, {"weather": None}, {"weather": []}, {"weather": [WEATHER]}, {"sources": []}]


def parse(document: Any, status: int = 200) -> Observation:
    """Parse a document as the body of a response."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_bright_sky(KIEL, Response(status, body), EPOCH)


def parse_one(**values: Any) -> Observation:
    """Parse the usual weather with other *values*; Ellipsis removes one."""
    return parse({"weather": {name: value for name, value in (WEATHER | values).items() if value is not ...}})


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_the_query_has_plain_decimals(lat: float, lon: float) -> None:
    """Coordinates have no exponents and are exact to a metre; the units are requested by name."""
    query = build_bright_sky_query(City(name="x", lat=lat, lon=lon))
    assert (float(query["lat"]), float(query["lon"])) == pytest.approx((lat, lon), abs=6e-6)
    assert "e" not in query["lat"] + query["lon"]
    assert query["units"] == "dwd"


def test_each_value_is_parsed() -> None:
    """Each value is in its field, in weatherd's units; there is no apparent temperature."""
    found = parse_one()
    assert (found.city, found.provider, found.station) == (KIEL.id, "bright-sky", "4711")
    assert (found.observed_at, found.fetched_at) == (datetime(2026, 1, 1, 0, 30, tzinfo=UTC), EPOCH)
    assert (found.temperature, found.apparent_temperature, found.relative_humidity) == (-3, None, 81)
    assert (found.pressure_msl, found.precipitation, found.cloud_cover, found.visibility) == (1002.5, 0.4, 100, 800)
    assert (found.wind_speed, found.wind_direction, found.wind_gust) == (5, 359, 10)
    assert (found.code, found.description) == (71, "snow")


@pytest.mark.parametrize(("name", "field"), FIELDS.items())
@pytest.mark.parametrize("value", BAD)
def test_other_values_are_optional(name: str, field: str, value: Any) -> None:
    """A value that is null, missing or invalid is None, never 0; all others are parsed."""
    found = parse_one(**{name: value})
    assert [field for field in FIELDS.values() if getattr(found, field) in (None, "")] == [field]


@pytest.mark.parametrize(("direction", "speed", "expected"), [(0, 0, None), (0, 5, 0), (360, 5, 360), (250, 0, 250)])
def test_calm_air_has_no_direction(direction: float, speed: float, expected: float | None) -> None:
    """Stations report calm air with 0°, and wind from the north with 360°."""
    assert parse_one(wind_direction_10=direction, wind_speed_10=speed).wind_direction == expected


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("wind_speed", "wind_speed", [5, 10, 15, None]),
        ("wind_direction", "wind_direction", [359, 10, 20, None]),
        ("wind_gust_speed", "wind_gust", [10, 20, 25, None]),
    ],
)
def test_wind_is_of_the_shortest_known_period(name: str, field: str, expected: list[float | None]) -> None:
    """Each value is that of 10 minutes, else of 30, else of 60; 0 is known."""
    missing = [f"{name}_{minutes}" for minutes in (10, 30, 60)]
    found = [getattr(parse_one(**dict.fromkeys(missing[:count])), field) for count in range(4)]
    assert found == expected
    assert getattr(parse_one(**dict.fromkeys(missing[:1], 0)), field) == 0


@pytest.mark.parametrize("minutes", [10, 30])
def test_precipitation_is_not_of_a_shorter_period(minutes: int) -> None:
    """Without the sum of the last hour it is None, even if the sum of a part is known."""
    assert parse_one(precipitation_60=None, **{f"precipitation_{minutes}": 5}).precipitation is None


@pytest.mark.parametrize("value", [None, ..., "12", True, [], {}, 71, -101, 10**300])
def test_without_a_temperature_there_is_no_observation(value: Any) -> None:
    """Without a possible temperature the station has no weather (EMPTY); the service is healthy."""
    with pytest.raises(ProviderError, match=r"^the response has (no|an impossible) temperature") as caught:
        parse_one(temperature=value)
    assert caught.value.failure is Failure.EMPTY


@pytest.mark.parametrize("value", [None, ..., "", "now", "2026-01-01T01:30:00", 1767225600, True, [], {}])
def test_without_a_time_there_is_no_observation(value: Any) -> None:
    """A time without an offset is invalid."""
    with pytest.raises(ProviderError, match=r"^the response has no valid time of observation$"):
        parse_one(timestamp=value)


@pytest.mark.parametrize("document", NOTHING)
def test_documents_of_another_form(document: Any) -> None:
    """JSON without an object ``weather`` is malformed, as is the empty list that the service sends for no weather."""
    with pytest.raises(ProviderError, match=r"^the response has no current weather$") as caught:
        parse(document)
    assert caught.value.failure is Failure.MALFORMED


@pytest.mark.parametrize(
    ("status", "document", "reason", "failure"),
    [
        (
            422,
            {"detail": [{"msg": "lat is\nout of range"}, {"msg": "more"}]},
            "422: lat is out of range",
            Failure.REJECTED,
        ),
        (422, {"detail": "No such\x07 thing"}, "422: No such thing", Failure.REJECTED),
        (422, {"detail": []}, "the service responded with status 422", Failure.REJECTED),
        (422, {"detail": ["lat"]}, "the service responded with status 422", Failure.REJECTED),
        (422, {"detail": [{"msg": 7}]}, "the service responded with status 422", Failure.REJECTED),
        (404, {"detail": "No sources match your criteria"}, "404: No sources match your criteria", Failure.REJECTED),
        (404, {}, "the service responded with status 404", Failure.REJECTED),
        (404, [], "the service responded with status 404", Failure.REJECTED),
        (502, b"<html>", "the service responded with status 502", Failure.UNAVAILABLE),
        (429, b"Too Many Requests", "the service responded with status 429", Failure.RATE_LIMITED),
        (500, b"Internal Server Error", "the service responded with status 500", Failure.BROKEN),
        (200, b"<html>", "the response is an HTML page", Failure.MALFORMED),
        (200, b"", "the response is empty", Failure.MALFORMED),
    ],
)
def test_the_reason_of_an_error(status: int, document: Any, reason: str, failure: Failure) -> None:
    """The reason is the service's own, on one line; a place without a station is not an outage."""
    with pytest.raises(ProviderError) as caught:
        parse(document, status)
    assert (str(caught.value), caught.value.failure) == (reason, failure)


@pytest.mark.parametrize("body", [b"", b'{"detail": [{"msg": "slow down"}]}'])
def test_a_limit_may_have_a_duration(body: bytes) -> None:
    """``Retry-After`` is in the error, whatever form the reason has."""
    with pytest.raises(ProviderError) as caught:
        parse_bright_sky(KIEL, Response(429, body, {"Retry-After": "600"}), EPOCH)
    assert (caught.value.failure, caught.value.retry_after) == (Failure.RATE_LIMITED, 600)


async def test_each_poll_is_one_request() -> None:
    """The request has the city's coordinates, the service's units and the session's User-Agent."""
    requests: list[tuple[str, dict[str, str], str]] = []

    async def handler(request: web.Request) -> web.Response:
        requests.append((request.path, dict(request.query), request.headers["User-Agent"]))
        return web.json_response({"weather": WEATHER})

    application = web.Application()
    application.router.add_get("/{tail:.*}", handler)
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(application))
        session = await stack.enter_async_context(open_session("weatherd/test"))
        settings = Settings(bright_sky={"base_url": str(server.make_url(""))})
        provider = await stack.enter_async_context(bright_sky.open_provider(settings, resources(session)))
        found = await provider.fetch(KIEL)
        assert (found.city, found.temperature, found.fetched_at) == (KIEL.id, -3, now())
    query = {"lat": "54.30590", "lon": "10.12328", "units": "dwd"}
    assert requests == [("/current_weather", query, "weatherd/test")]
