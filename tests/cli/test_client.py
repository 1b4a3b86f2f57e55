"""The client for the daemon's API, against a fake server."""

from __future__ import annotations

import contextlib
import operator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.private_ca import serve_healthy_daemon
from tests.support.servers import free_port
from weatherd.cli.client import CityNotFoundError, Client, ClientError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from aiohttp.typedefs import Handler

pytestmark = pytest.mark.real_time

TOKEN = "a-recognisable-token"
OBSERVATION = {
    "city": "munchen", "provider": "open-meteo", "observed_at": "2026-01-01T00:00:00Z",
    "fetched_at": "2026-01-01T00:00:01Z", "temperature": 6.2, "description": "light rain", "code": 61, "station": "",
    "apparent_temperature": None, "relative_humidity": None, "pressure_msl": None, "wind_speed": None,
    "wind_direction": None, "wind_gust": None, "precipitation": None, "cloud_cover": None, "visibility": None, "seq": 1,
}  # fmt: skip


def make_city(city_id: str, name: str) -> dict[str, Any]:
    """Return a city as in a page of the API."""
    return {
        "id": city_id, "name": name, "lat": 48.1, "lon": 11.6, "state": "waiting", "observation": None, "next": None,
    }  # fmt: skip


CITIES = [
    make_city("frankfurt-oder", "Frankfurt"), make_city("kiel", "Kiel"), make_city("munchen", "München"),
    make_city("il-springfield", "Springfield"), make_city("springfield", "Springfield"),
]  # fmt: skip
CITIES.sort(key=operator.itemgetter("id"))


class FakeDaemon:
    """A server with the endpoints for cities, which records the requests."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.page_size = 1000

    async def list_cities(self, request: web.Request) -> web.Response:
        """Respond with the cities that have the name or id, or else with a page of all cities."""
        self.requests.append(request.path_qs)
        name = request.query.get("name")
        if name is not None:
            found = [city for city in CITIES if name == city["id"] or name.casefold() == city["name"].casefold()]
            return web.json_response({"cities": found, "next": None})
        rest = [city for city in CITIES if city["id"] > request.query.get("after", "")]
        size = min(self.page_size, int(request.query["limit"]))
        last = rest[size - 1]["id"] if len(rest) > size else None
        return web.json_response({"cities": rest[:size], "next": last})

    async def get_city(self, request: web.Request) -> web.Response:
        """Respond with the details of a city, and with a field that the client does not expect."""
        self.requests.append(request.path_qs)
        city = next((city for city in CITIES if city["id"] == request.match_info["id"]), None)
        if city is None:
            return web.json_response({"title": "Not Found", "status": 404, "detail": "no such city"}, status=404)
        detail = {"timezone": None, "providers": ["open-meteo"], "interval": 600.0, "phase": 1.0, "budget": None}
        return web.json_response({**city, **detail, "attempt": None, "new_in_version_9": 1})


@contextlib.asynccontextmanager
async def serving(routes: dict[str, Handler]) -> AsyncIterator[str]:
    """Serve GET requests on loopback; yield the URL."""
    app = web.Application()
    for path, handler in routes.items():
        app.router.add_get(path, handler)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/"))


async def test_a_daemon_behind_tls_with_a_private_ca(tmp_path: Path) -> None:
    """It is trusted if ``ca_file`` holds the CA's certificate, and otherwise not."""
    async with serve_healthy_daemon(tmp_path / "ca.pem") as url:
        async with Client(url, ca_file=tmp_path / "ca.pem") as client:
            assert (await client.get_health()).ok
        async with Client(url) as client:
            with pytest.raises(ClientError, match=r"the certificate of 127\.0\.0\.1 is not trusted"):
                await client.get_health()


@contextlib.asynccontextmanager
async def fake_daemon() -> AsyncIterator[tuple[FakeDaemon, Client]]:
    """Yield a fake daemon and a client for it."""
    server = FakeDaemon()
    routes: dict[str, Handler] = {"/api/v1/cities": server.list_cities, "/api/v1/cities/{id}": server.get_city}
    async with serving(routes) as url, Client(url) as client:
        yield server, client


@pytest.mark.parametrize(
    ("name", "city_id", "requests"),
    [
        ("kiel", "kiel", 1),
        ("München", "munchen", 3),
        ("Il Springfield", "il-springfield", 3),
        ("Frankfurt", "frankfurt-oder", 3),
        ("springfield", "springfield", 1),
    ],
)
async def test_a_city_is_looked_up_on_the_server(name: str, city_id: str, requests: int) -> None:
    """By id, or else by name, without fetching the list; an id is not mistaken for the name of another city."""
    async with fake_daemon() as (server, client):
        city = await client.get_city(name)
    assert (city.id, city.interval) == (city_id, 600.0)
    assert len(server.requests) == requests
    assert server.requests[-1] == f"/api/v1/cities/{city_id}"
    assert all(request.startswith("/api/v1/cities?name=") for request in server.requests[1:-1])


async def test_a_name_of_two_cities_is_ambiguous() -> None:
    """The error names the ids, of which each finds its city."""
    async with fake_daemon() as (_, client):
        with pytest.raises(CityNotFoundError) as caught:
            await client.get_city("Springfield")
        assert (await client.get_city("il-springfield")).id == "il-springfield"
    assert str(caught.value) == "2 cities are named 'Springfield': use an id (il-springfield, springfield)"


@pytest.mark.parametrize("city_id", ["Kiel", "Springfield", "a/b", "..", ""])
async def test_a_lookup_by_id_ignores_names(city_id: str) -> None:
    """A city that has this text as its name is not returned, and the text cannot name another endpoint."""
    async with fake_daemon() as (_, client):
        with pytest.raises(CityNotFoundError, match="no city has the id"):
            await client.get_city_by_id(city_id)


async def test_an_unknown_city_gets_a_suggestion() -> None:
    """It is a similar name from the first page of the list."""
    async with fake_daemon() as (server, client):
        with pytest.raises(CityNotFoundError, match=r"no city is named 'Kil'; did you mean 'Kiel'\?"):
            await client.get_city("Kil")
    assert len(server.requests) == 3


async def test_all_pages_of_the_list_are_read() -> None:
    """The cities are ordered by id."""
    async with fake_daemon() as (server, client):
        server.page_size = 1
        assert [city.id async for city in client.list_cities()] == [city["id"] for city in CITIES]
    assert len(server.requests) == len(CITIES)


@pytest.mark.parametrize(("limit", "sizes"), [(0, []), (3, [3, 1]), (4, [4, 2])])
async def test_no_more_cities_are_requested_than_wanted(limit: int, sizes: list[int]) -> None:
    """Each page is requested for what the pages before it have left of the limit."""
    async with fake_daemon() as (server, client):
        server.page_size = 2
        assert [city.id async for city in client.list_cities(limit=limit)] == [city["id"] for city in CITIES[:limit]]
    assert [int(parse_qs(urlsplit(request).query)["limit"][0]) for request in server.requests] == sizes


async def test_a_stream_yields_observations() -> None:
    """Comments and fields other than the data are skipped; the stream ends when the daemon closes it."""

    async def stream(request: web.Request) -> web.Response:
        assert request.query["city"] == "munchen"
        data = web.json_response(OBSERVATION).text
        return web.Response(text=f"retry: 5000\n\n: quiet\n\nid: 1\nevent: observation\ndata: {data}\n\n")

    async with serving({"/api/v1/stream": stream}) as url, Client(url) as client:
        observations = [observation async for observation in client.stream_observations("munchen")]
    assert [(seen.city, seen.temperature, seen.visibility) for seen in observations] == [("munchen", 6.2, None)]


@pytest.mark.parametrize("city_id", ["nope", "Kiel", ""])
@pytest.mark.parametrize("status", [400, 404])
async def test_a_stream_of_an_unknown_city_is_an_error(city_id: str, status: int) -> None:
    """The error is the same as for a lookup, also for a text that is not an id; "" does not mean all cities."""
    server = FakeDaemon()
    routes = {"/api/v1/stream": responding("", status), "/api/v1/cities/{id:.*}": server.get_city}
    async with serving(routes) as url, Client(url) as client:
        with pytest.raises(CityNotFoundError, match=f"^no city has the id '{city_id}'$"):
            _ = [observation async for observation in client.stream_observations(city_id)]


def responding(body: str, status: int = 200) -> Callable[[web.Request], Any]:
    """Return a handler with one response."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(text=body, status=status)

    return handler


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("<html>", 200, "the response is not from weatherd; check the address"),
        ('{"ok": "maybe"}', 200, "the response is not from weatherd; check the address"),
        ("", 500, "status 500"),
        (
            '{"type": "about:blank", "title": "X", "status": 409, "detail": "not now"}',
            409,
            "not now",
        ),
    ],
)
async def test_an_unexpected_response_is_an_error(body: str, status: int, reason: str) -> None:
    """The error names the address and the reason in the response."""
    async with serving({"/-/healthy": responding(body, status)}) as url, Client(url) as client:
        with pytest.raises(ClientError) as caught:
            await client.get_health()
    assert str(caught.value) == f"{url.rstrip('/')}: {reason}"


async def test_an_error_response_to_a_stream_is_not_an_unreachable_daemon() -> None:
    """The error is the reason in the response; there is no advice to start the daemon."""
    problem = '{"title": "Unauthorized", "status": 401, "detail": "a token is needed"}'
    for body, reason in ((problem, "a token is needed"), ("", "status 401"), ("x" * 2**21, "larger than 1 MiB")):
        async with serving({"/api/v1/stream": responding(body, 401)}) as url, Client(url) as client:
            with pytest.raises(ClientError, match=reason) as caught:
                _ = [observation async for observation in client.stream_observations()]
        assert not isinstance(caught.value, UnreachableError)
        assert str(caught.value).startswith(url.rstrip("/"))


async def test_a_stream_that_is_cut_off_is_not_an_unreachable_daemon() -> None:
    """Observations that arrived before are yielded."""

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(f"data: {web.json_response(OBSERVATION).text}\n\n".encode())
        assert request.transport
        request.transport.close()
        return response

    async with serving({"/api/v1/stream": stream}) as url, Client(url) as client:
        observations = client.stream_observations()
        assert (await anext(observations)).seq == 1
        with pytest.raises(ClientError, match="the response was cut off") as caught:
            await anext(observations)
    assert not isinstance(caught.value, UnreachableError)


async def test_an_unhealthy_daemon_is_a_result() -> None:
    """Status 503 of the health endpoint is not an error."""
    handler = responding('{"ok": false, "faults": ["the pipeline makes no progress"]}', 503)
    async with serving({"/-/healthy": handler}) as url, Client(url) as client:
        health = await client.get_health()
    assert (health.ok, health.faults) == (False, ["the pipeline makes no progress"])


async def test_a_wrong_token_is_told_from_a_missing_one() -> None:
    """Both errors name the setting, and have what the server says."""
    async with serving({"/-/healthy": responding('{"title": "X", "status": 401, "detail": "send it"}', 401)}) as url:
        for token, reason in ((TOKEN, "rejected the token in"), (None, "needs a token, which is missing in")):
            async with Client(url, token=token) as client:
                with pytest.raises(ClientError, match=rf"the daemon {reason} your settings .*http\.token.*: send it"):
                    await client.get_health()


async def test_the_token_is_sent() -> None:
    """It is sent as a bearer token."""

    async def handler(request: web.Request) -> web.Response:
        ok = request.headers["Authorization"] == f"Bearer {TOKEN}"
        return web.json_response({"ok": ok, "faults": []})

    async with serving({"/-/healthy": handler}) as url, Client(url, token=TOKEN) as client:
        assert (await client.get_health()).ok


async def test_an_unreachable_daemon_is_an_error() -> None:
    """This holds for a request and for a stream; the error suggests a fix."""
    url = f"http://127.0.0.1:{free_port()}"
    async with Client(url) as client:
        with pytest.raises(ClientError, match=r"^no response from http://127\.0\.0\.1:\d+: [^;]*$"):
            await client.get_status()
        with pytest.raises(ClientError, match=r"^no response from http://127\.0\.0\.1:\d+: [^;]*$"):
            _ = [observation async for observation in client.stream_observations()]


async def test_a_client_must_be_entered() -> None:
    """Without ``async with``, and after it, there are no connections."""
    client = Client()
    with pytest.raises(RuntimeError, match="async with"):
        await client.get_status()
    async with client:
        pass
    with pytest.raises(RuntimeError, match="async with"):
        await client.get_status()
