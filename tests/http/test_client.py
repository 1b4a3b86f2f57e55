"""The client against servers that misbehave: whatever they do becomes a ProviderError that gives nothing away."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
import zlib
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from tests.support.virtual_time import EPOCH
from weatherd.errors import Failure, ProviderError
from weatherd.http.client import MAX_BYTES, get, post, stream_lines
from weatherd.http.connections import CheckedConnector
from weatherd.http.response import retry_after
from weatherd.http.session import Session, open_session
from weatherd.http.trace import start_tracing, stop_tracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEY = "0123456789abcdef"
PARAMETERS = {"lat": "54.3", "appid": KEY}


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[tuple[Session, str]]:
    """Serve every path by *handler*; give a session and the address."""
    application = web.Application()
    application.router.add_get("/{path:.*}", handler)
    async with TestServer(application) as server, open_session("weatherd/test") as session:
        yield session, str(server.make_url("/data/"))


@contextlib.asynccontextmanager
async def listening(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Serve bytes, for what a proper server cannot say; *talk* is called once a connection, which then ends."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await talk(reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/data/"
    finally:
        server.close()
        await server.wait_closed()


async def failing(session: Session, url: str, deadline: float = 30) -> ProviderError:
    """Return the error of a request that fails."""
    with pytest.raises(ProviderError) as caught:
        await get(session, url, PARAMETERS, deadline=deadline)
    told = "".join(traceback.format_exception(caught.value))
    assert KEY not in told
    assert not any(secret in f"{caught.value!r}" for secret in ("appid", "54.3", "/data/", "http://"))
    assert caught.value.__suppress_context__ or not caught.value.__context__
    return caught.value


@pytest.mark.parametrize("status", [200, 203, 304, 400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize("kind", ["application/json", "text/html", "image/png"])
async def test_returns_an_answer_of_any_status_and_type(status: int, kind: str) -> None:
    """Status, body and headers come back whole; the declared content type does not matter."""

    async def handler(request: web.Request) -> web.Response:
        assert dict(request.query) == PARAMETERS
        assert request.headers["User-Agent"] == "weatherd/test"
        body = b"" if status == 304 else b'{"cod": 200}'
        return web.Response(status=status, body=body, content_type=kind, headers={"retry-after": "7"})

    async with serving(handler) as (session, url):
        answer = await get(session, url, PARAMETERS)
    assert (answer.status, answer.body) == (status, b"" if status == 304 else b'{"cod": 200}')
    assert retry_after(answer.headers, EPOCH) == 7


async def test_follows_a_redirect() -> None:
    """A service that has moved is found."""

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/data/":
            raise web.HTTPMovedPermanently("/new/")
        return web.Response(text=request.path)

    async with serving(handler) as (session, url):
        assert (await get(session, url, PARAMETERS)).body == b"/new/"


async def test_what_is_secret_stays_with_its_server() -> None:
    """A redirect within the server takes the password and the fields along; one to another server does not."""
    asked: list[tuple[str, str | None, str | None]] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append((request.path_qs, request.headers.get("Authorization"), request.headers.get("X-Key")))
        assert request.headers.getall("User-Agent") == ["me/1"]
        if location := moves.get(request.path):
            return web.Response(status=307, headers={"Location": location})
        return web.Response(text=request.path)

    async with serving(handler) as (session, here), serving(handler) as (_, there):
        moves = {
            "/data/": "second?x=1",
            "/data/second": f"{here}third#part",
            "/data/third": f"//{URL(there).authority}/",
        }
        address = str(URL(here).with_user("me").with_password("secret"))
        answer = await get(session, address, {}, {"X-Key": KEY, "user-agent": "me/1"})
    assert answer.body == b"/"
    mine = "Basic bWU6c2VjcmV0"
    assert asked == [
        ("/data/", mine, KEY),
        ("/data/second?x=1", mine, KEY),
        ("/data/third", mine, KEY),
        ("/", None, None),
    ]


@pytest.mark.parametrize("location", [{}, {"Location": ""}])
async def test_a_redirect_without_a_place_is_an_answer(location: dict[str, str]) -> None:
    """It comes back as it is."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers=location)

    async with serving(handler) as (session, url):
        assert (await get(session, url, PARAMETERS)).status == 302


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/data/", "the service redirects in a circle"),
        ("ftp://example.invalid/", "the service redirects to something that is not a web address"),
        ("http://[half/", "the service redirects to something that is not a web address"),
        ("http:///", "the service redirects to something that is not a web address"),
        (f"http://{'x' * 64}.invalid/?appid={KEY}", "the address of the service is not a web address"),
    ],
)
async def test_redirects_that_lead_nowhere(location: str, reason: str) -> None:
    """A circle and a Location that is no address are told apart."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with serving(handler) as (session, url):
        error = await failing(session, url)
    assert (str(error), error.failure) == (reason, Failure.UNAVAILABLE)


async def hang_before_headers(_: web.Request) -> web.StreamResponse:
    """Say nothing for a day."""
    await asyncio.sleep(86400)
    return web.Response()


async def hang_in_the_body(request: web.Request) -> web.StreamResponse:
    """Say something, then nothing for a day."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b'{"main": {')
    await asyncio.sleep(86400)
    return response


async def drip(request: web.Request) -> web.StreamResponse:
    """Send a byte a second: never silent, never done."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(1)


@pytest.mark.parametrize("handler", [hang_before_headers, hang_in_the_body, drip])
async def test_the_deadline_bounds_the_whole_exchange(handler: Handler) -> None:
    """However a service is slow, the request ends at its deadline, to the second."""
    loop = asyncio.get_running_loop()
    async with serving(handler) as (session, url):
        begun = loop.time()
        error = await failing(session, url)
        assert loop.time() - begun == pytest.approx(30, abs=1.1)
    assert (str(error), error.failure) == ("no whole response within 30 s", Failure.BROKEN)


@pytest.mark.parametrize("handler", [hang_before_headers, hang_in_the_body, drip])
async def test_cancellation_passes(handler: Handler) -> None:
    """A request that is cancelled ends at once, as cancelled."""
    async with serving(handler) as (session, url):
        task = asyncio.create_task(get(session, url, PARAMETERS))
        await asyncio.sleep(5.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() < 7


async def endless(request: web.Request) -> web.StreamResponse:
    """Send for ever, as fast as it goes."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65536)


async def bomb(_: web.Request) -> web.StreamResponse:
    """Send 64 KiB that unpack to 64 MiB."""
    packer = zlib.compressobj(9, wbits=31)
    body = packer.compress(bytes(64 * MAX_BYTES)) + packer.flush()
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize("handler", [endless, bomb])
async def test_an_answer_is_capped(handler: Handler) -> None:
    """An endless body and a bomb are given up at 1 MiB."""
    async with serving(handler) as (session, url):
        error = await failing(session, url)
    assert (str(error), error.failure) == ("the response is larger than 1 MiB", Failure.MALFORMED)


@pytest.mark.parametrize(("size", "right"), [(1_048_576, True), (1_048_577, False)])
async def test_the_cap_is_exact(size: int, *, right: bool) -> None:
    """1 MiB is read, one byte more is not."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b" " * size)

    async with serving(handler) as (session, url):
        with contextlib.nullcontext() if right else pytest.raises(ProviderError, match="larger than 1 MiB"):
            assert len((await get(session, url, PARAMETERS)).body) == size


HUNG_UP = "the service hung up without a response"
BROKEN = "the response broke off"
NO_HTTP = "the service does not speak HTTP correctly"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", HUNG_UP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", BROKEN),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", BROKEN),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", BROKEN),
        (b"HTTP/1.1 200 OK\r\nContent-", HUNG_UP),
        (b"HTTP/1.1 abc\r\n\r\n", NO_HTTP),
        (b"SSH-2.0-OpenSSH_9.9 ?appid=" + KEY.encode() + b"\r\n", NO_HTTP),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20000 + b"\r\n\r\n", NO_HTTP),
    ],
)
async def test_answers_that_break_off_or_are_no_http(said: bytes, reason: str) -> None:
    """A short body, a broken chunk, a wrong encoding, silence and another protocol each have their words."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()

    async with listening(talk) as url, open_session("weatherd/test") as session:
        error = await failing(session, url)
    assert (str(error), error.failure) == (reason, Failure.BROKEN if reason == BROKEN else Failure.UNAVAILABLE)


async def test_a_redirect_is_followed_at_once() -> None:
    """Whatever body it has, and however slowly that comes, it is not waited for."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/new":
            return web.Response(body=b"{}")
        response = web.StreamResponse(status=302, headers={"Location": "/new"})
        await response.prepare(request)
        await asyncio.sleep(86400)
        return response

    async with serving(handler) as (session, url):
        begun = asyncio.get_running_loop().time()
        assert (await get(session, url, PARAMETERS)).body == b"{}"
        assert asyncio.get_running_loop().time() == begun


async def test_what_is_noted_of_a_redirect_is_the_last_question() -> None:
    """Where the service sends us, nobody answers: then there was no answer."""

    async def talk(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        pass

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": nobody})

    async with listening(talk) as nobody:
        pass
    async with serving(handler) as (session, url):
        trail = start_tracing()
        assert "Connection refused" in str(await failing(session, url))
        (exchange,) = stop_tracing(trail)
    assert (exchange.status, list(exchange.phases)) == (None, ["done"])


async def test_a_stream_is_found_behind_a_redirect() -> None:
    """Its lines come as they are said; it ends in an error after a minute of silence."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/data/":
            return web.Response(status=301, headers={"Location": "/new"})
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(3):
            await response.write(b"data: 1\r\n")
            await asyncio.sleep(50)
        await asyncio.sleep(86400)
        return response

    async with serving(handler) as (session, url):
        said = stream_lines(session, url, {})
        assert [await anext(said) for _ in range(3)] == ["data: 1"] * 3
        with pytest.raises(ProviderError, match="no whole response within 60 s"):
            await anext(said)


async def test_two_ways_to_say_who_we_are_are_one_too_many() -> None:
    """A password in the address and a token beside it cannot both be sent."""

    async def handler(_: web.Request) -> web.Response:
        raise AssertionError

    async with serving(handler) as (session, url):
        address = str(URL(url).with_user("me").with_password("secret"))
        with pytest.raises(ProviderError, match="the address holds a password, and a token is set beside it"):
            await get(session, address, PARAMETERS, {"authorization": "Bearer x"})


async def test_another_protocol_is_an_answer() -> None:
    """After 101 nothing follows that we could read, so it is the answer."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        await writer.drain()

    async with listening(talk) as url, open_session("weatherd/test") as session:
        assert (await get(session, url, PARAMETERS)).status == 101


async def test_what_comes_before_the_answer_is_passed_over() -> None:
    """Of 100 Continue, 103 Early Hints and the answer, the answer counts."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        await writer.drain()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    async with listening(talk) as url, open_session("weatherd/test") as session:
        assert (await get(session, url, PARAMETERS)).body == b"{}"


async def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    """So do old servers, and proxies; the next question then has a connection of its own."""
    questions = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal questions
        await reader.readuntil(b"\r\n\r\n")
        questions += 1
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for piece in (b'{"a"', b": 1", b"}"):
            await writer.drain()
            await asyncio.sleep(0.1)
            writer.write(piece)

    async with listening(talk) as url, open_session("weatherd/test") as session:
        for _ in range(2):
            assert (await get(session, url, PARAMETERS)).body == b'{"a": 1}'
    assert questions == 2


@pytest.mark.parametrize("value", ["a\r\nX-Other: 1", "a\nb", "a\0b"])
async def test_a_field_is_one_line(value: str) -> None:
    """What would add lines to a question is not sent."""

    async def handler(_: web.Request) -> web.Response:
        raise AssertionError

    async with serving(handler) as (session, url):
        with pytest.raises(ProviderError, match="the request failed: ValueError"):
            await get(session, url, PARAMETERS, {"X-Name": value})


@pytest.mark.parametrize("body", [b"", b"x" * 3_000_000])
async def test_a_post_arrives_whole(body: bytes) -> None:
    """A body of any size, and none; with the fields that go with it, and the query of the address."""

    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Content-Type"] == "text/plain"
        return web.Response(status=200, body=b"%d %b" % (len(await request.read()), request.query["db"].encode()))

    application = web.Application(client_max_size=2**24)
    application.router.add_post("/", handler)
    async with TestServer(application) as server, open_session("weatherd/test") as session:
        for _ in range(2):
            answer = await post(session, f"{server.make_url('/')}?db=x%20y", body, {"Content-Type": "text/plain"})
            assert answer.body == b"%d x y" % len(body)


async def test_a_reset_connection() -> None:
    """A connection that is reset, not closed, is an outage like any other."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with listening(talk) as url, open_session("weatherd/test") as session:
        error = await failing(session, url)
    assert str(error) in {HUNG_UP, "the request failed: Connection reset by peer"}


async def test_nobody_listens() -> None:
    """A refused connection names the host, the port and the reason, and nothing else."""

    async def talk(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        pass

    async with listening(talk) as url:
        port = url.split(":")[2].split("/")[0]
    async with open_session("weatherd/test") as session:
        error = await failing(session, url)
    assert str(error) == f"no connection to 127.0.0.1:{port}: Connection refused"


class NoNames(aiohttp.abc.AbstractResolver):
    """A resolver that knows no name, and asks nobody."""

    async def resolve(self, *_: Any, **__: Any) -> list[aiohttp.abc.ResolveResult]:
        """Fail as the system's does."""
        raise OSError(-2, f"Name or service not known (http://weather.invalid/?appid={KEY})")

    async def close(self) -> None:
        """Have nothing to close."""


async def test_a_name_that_nobody_knows() -> None:
    """A failure of DNS names the host."""
    async with aiohttp.ClientSession(connector=CheckedConnector(resolver=NoNames())) as client:
        error = await failing(Session(client, {}), "http://weather.invalid/data/")
    assert str(error) == "the name weather.invalid cannot be resolved"


@pytest.mark.parametrize("url", [f"http://{'x' * 64}.invalid/data/", "http://:80/data/", "gopher://x/data/", "weather"])
async def test_an_address_that_is_none(url: str) -> None:
    """What cannot be an address is told as such."""
    async with open_session("weatherd/test") as session:
        assert str(await failing(session, url)) == "the address of the service is not a web address"


async def test_an_idle_connection_that_the_server_closed_unannounced_does_not_fail_the_next_poll() -> None:
    """The server keeps the connection, as it says, then closes it just when the second request comes."""
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")  # the next request gets no answer

    async with listening(talk) as url, open_session("weatherd/test") as session:
        for _ in range(3):
            assert (await get(session, url, PARAMETERS)).body == b"{}"
            await asyncio.sleep(1)
        assert connections == 3
