"""The HTTP client against misbehaving servers: every fault becomes a ProviderError that reveals no secret."""

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

from tests.http.raw_server import serve_bytes
from tests.support.servers import free_port
from tests.support.virtual_time import EPOCH
from weatherd.errors import Failure, ProviderError
from weatherd.http.client import post, stream_lines
from weatherd.http.connections import ClientTls
from weatherd.http.connector import CheckedConnector
from weatherd.http.links.link_connector import LinkConnector
from weatherd.http.response import MAX_BYTES, retry_after
from weatherd.http.session import Session, open_session
from weatherd.http.trace import start_tracing, stop_tracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.http.conftest import Get
    from tests.http.raw_server import Talk

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEY = "0123456789abcdef"
PARAMETERS = {"lat": "54.3", "appid": KEY}


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[tuple[Session, str]]:
    """Serve every path with *handler*; yield a session and the URL."""
    application = web.Application()
    application.router.add_get("/{path:.*}", handler)
    async with TestServer(application) as server, open_session("weatherd/test") as session:
        yield session, str(server.make_url("/data/"))


@contextlib.asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[str]:
    """Serve raw bytes; yield the URL."""
    async with serve_bytes(talk) as port:
        yield f"http://127.0.0.1:{port}/data/"


async def get_error(get: Get, session: Session, url: str, deadline: float = 30) -> ProviderError:
    """Return the error of a failing request, which must not contain the key."""
    with pytest.raises(ProviderError) as caught:
        await get(session, url, PARAMETERS, deadline=deadline)
    text = "".join(traceback.format_exception(caught.value))
    assert KEY not in text
    assert not any(secret in f"{caught.value!r}" for secret in ("appid", "54.3", "/data/", "http://"))
    assert caught.value.__suppress_context__ or not caught.value.__context__
    return caught.value


@pytest.mark.parametrize("status", [200, 203, 304, 400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize("kind", ["application/json", "text/html", "image/png"])
async def test_any_status_and_content_type_is_returned(get: Get, status: int, kind: str) -> None:
    """Status, body and headers are returned unchanged; the declared content type does not matter."""

    async def handler(request: web.Request) -> web.Response:
        assert dict(request.query) == PARAMETERS
        assert request.headers["User-Agent"] == "weatherd/test"
        body = b"" if status == 304 else b'{"cod": 200}'
        return web.Response(status=status, body=body, content_type=kind, headers={"retry-after": "7"})

    async with serving(handler) as (session, url):
        response = await get(session, url, PARAMETERS)
    assert (response.status, response.body) == (status, b"" if status == 304 else b'{"cod": 200}')
    assert retry_after(response.headers, EPOCH) == 7


async def test_a_redirect_is_followed(get: Get) -> None:
    """The response is that of the new location."""

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/data/":
            raise web.HTTPMovedPermanently("/new/")
        return web.Response(text=request.path)

    async with serving(handler) as (session, url):
        assert (await get(session, url, PARAMETERS)).body == b"/new/"


async def test_secrets_are_not_sent_to_another_server(get: Get) -> None:
    """A redirect to the same server keeps the password and the headers; one to another server does not."""
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
        response = await get(session, address, {}, {"X-Key": KEY, "user-agent": "me/1"})
    assert response.body == b"/"
    mine = "Basic bWU6c2VjcmV0"
    assert asked == [
        ("/data/", mine, KEY),
        ("/data/second?x=1", mine, KEY),
        ("/data/third", mine, KEY),
        ("/", None, None),
    ]


@pytest.mark.parametrize("location", [{}, {"Location": ""}])
async def test_a_redirect_without_a_location_is_returned(get: Get, location: dict[str, str]) -> None:
    """It is returned like any other response."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers=location)

    async with serving(handler) as (session, url):
        assert (await get(session, url, PARAMETERS)).status == 302


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/data/", "the service redirects in a loop"),
        ("ftp://example.invalid/", "the service redirects to an invalid URL"),
        ("http://[half/", "the service redirects to an invalid URL"),
        ("http:///", "the service redirects to an invalid URL"),
        (f"http://{'x' * 64}.invalid/?appid={KEY}", "the address of the service is not a web address"),
    ],
)
async def test_invalid_redirects(get: Get, location: str, reason: str) -> None:
    """A redirect loop and an invalid Location have different errors."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with serving(handler) as (session, url):
        error = await get_error(get, session, url)
    assert (str(error), error.failure) == (reason, Failure.UNAVAILABLE)


@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_a_redirect_loop_is_not_followed_twice(get: Get, steps: int) -> None:
    """A service counts every request, so each address is requested once."""
    requests: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        requests.append(request.path_qs)
        step = int(request.query.get("step", "0"))
        target = request.url.update_query(step=(step + 1) % steps)
        return web.Response(status=307, headers={"Location": str(target)})

    async with serving(handler) as (session, url):
        with pytest.raises(ProviderError, match="redirects in a loop"):
            await get(session, url, {"step": "0"})
    assert len(requests) == len(set(requests)) == steps


async def hang_before_headers(_: web.Request) -> web.StreamResponse:
    """Send nothing for a day."""
    await asyncio.sleep(86400)
    return web.Response()


async def hang_in_the_body(request: web.Request) -> web.StreamResponse:
    """Send a part of the body, then nothing for a day."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b'{"main": {')
    await asyncio.sleep(86400)
    return response


async def drip(request: web.Request) -> web.StreamResponse:
    """Send a byte a second without end."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(1)


@pytest.mark.parametrize("handler", [hang_before_headers, hang_in_the_body, drip])
async def test_the_deadline_limits_the_whole_request(get: Get, handler: Handler) -> None:
    """A request ends at its deadline to the second, however the server delays it."""
    loop = asyncio.get_running_loop()
    async with serving(handler) as (session, url):
        begun = loop.time()
        error = await get_error(get, session, url)
        assert loop.time() - begun == pytest.approx(30, abs=1.1)
    assert (str(error), error.failure) == ("no complete response within 30 s", Failure.BROKEN)


@pytest.mark.parametrize("handler", [hang_before_headers, hang_in_the_body, drip])
async def test_a_cancellation_is_passed_on(get: Get, handler: Handler) -> None:
    """A cancelled request ends at once with CancelledError."""
    async with serving(handler) as (session, url):
        task = asyncio.create_task(get(session, url, PARAMETERS))
        await asyncio.sleep(5.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() < 7


async def endless(request: web.Request) -> web.StreamResponse:
    """Send an endless body as fast as possible."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65536)


async def bomb(_: web.Request) -> web.StreamResponse:
    """Send 64 KiB that decompress to 64 MiB."""
    packer = zlib.compressobj(9, wbits=31)
    body = packer.compress(bytes(64 * MAX_BYTES)) + packer.flush()
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize("handler", [endless, bomb])
async def test_the_size_of_a_response_is_limited(get: Get, handler: Handler) -> None:
    """An endless body and a decompression bomb are rejected at 1 MiB."""
    async with serving(handler) as (session, url):
        error = await get_error(get, session, url)
    assert (str(error), error.failure) == ("the response is larger than 1 MiB", Failure.MALFORMED)


@pytest.mark.parametrize(("size", "right"), [(1_048_576, True), (1_048_577, False)])
async def test_the_size_limit_is_exact(get: Get, size: int, *, right: bool) -> None:
    """1 MiB is accepted, one more byte is not."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b" " * size)

    async with serving(handler) as (session, url):
        with contextlib.nullcontext() if right else pytest.raises(ProviderError, match="larger than 1 MiB"):
            assert len((await get(session, url, PARAMETERS)).body) == size


HUNG_UP = "the service closed the connection without a response"
BROKEN = "the response was cut off"
NO_HTTP = "the service does not speak HTTP correctly"


@pytest.mark.parametrize(
    ("response", "reason"),
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
async def test_incomplete_and_invalid_responses(get: Get, response: bytes, reason: str) -> None:
    """A truncated body, a broken chunk, a wrong encoding, silence and another protocol have their own messages."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()

    async with listening(talk) as url, open_session("weatherd/test") as session:
        error = await get_error(get, session, url)
    assert (str(error), error.failure) == (reason, Failure.BROKEN if reason == BROKEN else Failure.UNAVAILABLE)


async def test_the_body_of_a_redirect_is_not_awaited(get: Get) -> None:
    """A redirect is followed at once, whatever its body and however slowly it arrives."""

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


async def test_the_trace_of_a_redirect_is_that_of_the_last_request(get: Get) -> None:
    """If the target of a redirect does not respond, the trace has no status."""
    nobody = f"http://127.0.0.1:{free_port()}/data/"

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": nobody})

    async with serving(handler) as (session, url):
        token = start_tracing()
        assert "Connection refused" in str(await get_error(get, session, url))
        (trace,) = stop_tracing(token)
    assert (trace.status, list(trace.phases)) == (None, ["done"])


async def test_a_stream_follows_redirects() -> None:
    """Lines are yielded as they arrive; a minute without a line is an error."""

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
        lines = stream_lines(session, url, {})
        assert [await anext(lines) for _ in range(3)] == ["data: 1"] * 3
        with pytest.raises(ProviderError, match="no complete response within 60 s"):
            await anext(lines)


async def test_a_password_and_a_token_are_rejected(get: Get) -> None:
    """A password in the URL and a token in a header cannot both be sent."""

    async def handler(_: web.Request) -> web.Response:
        raise AssertionError

    async with serving(handler) as (session, url):
        address = str(URL(url).with_user("me").with_password("secret"))
        with pytest.raises(ProviderError, match="the address holds a password, and a token is set beside it"):
            await get(session, address, PARAMETERS, {"authorization": "Bearer x"})


async def test_switching_protocols_is_a_response(get: Get) -> None:
    """Status 101 is returned, because nothing that can be read follows it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        await writer.drain()

    async with listening(talk) as url, open_session("weatherd/test") as session:
        assert (await get(session, url, PARAMETERS)).status == 101


async def test_interim_responses_are_skipped(get: Get) -> None:
    """The final response is returned, not 100 Continue or 103 Early Hints."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        await writer.drain()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    async with listening(talk) as url, open_session("weatherd/test") as session:
        assert (await get(session, url, PARAMETERS)).body == b"{}"


async def test_a_response_without_a_length_ends_with_the_connection(get: Get) -> None:
    """Old servers and proxies do that; the next request uses a new connection."""
    requests = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for piece in (b'{"a"', b": 1", b"}"):
            await writer.drain()
            await asyncio.sleep(0.1)
            writer.write(piece)

    async with listening(talk) as url, open_session("weatherd/test") as session:
        for _ in range(2):
            assert (await get(session, url, PARAMETERS)).body == b'{"a": 1}'
    assert requests == 2


@pytest.mark.parametrize("value", ["a\r\nX-Other: 1", "a\nb", "a\0b"])
async def test_a_header_with_a_line_break_is_rejected(get: Get, value: str) -> None:
    """A header that would add lines to a request is not sent."""

    async def handler(_: web.Request) -> web.Response:
        raise AssertionError

    async with serving(handler) as (session, url):
        with pytest.raises(ProviderError, match="the request failed: ValueError"):
            await get(session, url, PARAMETERS, {"X-Name": value})


@pytest.mark.parametrize("body", [b"", b"x" * 3_000_000])
async def test_a_post_request_arrives_complete(body: bytes) -> None:
    """A body of any size, or none, arrives with its headers and the query of the URL."""

    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Content-Type"] == "text/plain"
        return web.Response(status=200, body=b"%d %b" % (len(await request.read()), request.query["db"].encode()))

    application = web.Application(client_max_size=2**24)
    application.router.add_post("/", handler)
    async with TestServer(application) as server, open_session("weatherd/test") as session:
        for _ in range(2):
            response = await post(session, f"{server.make_url('/')}?db=x%20y", body, {"Content-Type": "text/plain"})
            assert response.body == b"%d x y" % len(body)


async def test_a_reset_connection_is_an_outage(get: Get) -> None:
    """A connection that is reset instead of closed is an ordinary outage."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with listening(talk) as url, open_session("weatherd/test") as session:
        error = await get_error(get, session, url)
    assert str(error) in {HUNG_UP, "the request failed: Connection reset by peer"}


async def test_a_refused_connection(get: Get) -> None:
    """The error names the host, the port and the reason, and nothing else."""
    port = free_port()
    async with open_session("weatherd/test") as session:
        error = await get_error(get, session, f"http://127.0.0.1:{port}/data/")
    assert str(error) == f"no connection to 127.0.0.1:{port}: Connection refused"


class FailingResolver(aiohttp.abc.AbstractResolver):
    """A resolver that cannot resolve any name."""

    async def resolve(self, *_: Any, **__: Any) -> list[aiohttp.abc.ResolveResult]:
        """Fail like the system's resolver."""
        raise OSError(-2, f"Name or service not known (http://weather.invalid/?appid={KEY})")

    async def close(self) -> None:
        """Close nothing."""


async def test_an_unknown_host_name(get: Get) -> None:
    """A DNS failure names the host."""
    resolver = FailingResolver()
    async with aiohttp.ClientSession(connector=CheckedConnector(resolver=resolver)) as client:
        session = Session(lambda: client, {}, LinkConnector(resolver, ClientTls()))
        error = await get_error(get, session, "http://weather.invalid/data/")
    assert str(error) == "the name weather.invalid cannot be resolved"


@pytest.mark.parametrize("url", [f"http://{'x' * 64}.invalid/data/", "http://:80/data/", "gopher://x/data/", "weather"])
async def test_an_invalid_url(get: Get, url: str) -> None:
    """The error says that the address is invalid."""
    async with open_session("weatherd/test") as session:
        assert str(await get_error(get, session, url)) == "the address of the service is not a web address"


async def test_a_connection_that_closes_during_the_next_request(get: Get) -> None:
    """If the server closes an idle connection just when the next request is sent, that is sent again and succeeds."""
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")  # the next request gets no response

    async with listening(talk) as url, open_session("weatherd/test") as session:
        for _ in range(3):
            assert (await get(session, url, PARAMETERS)).body == b"{}"
            await asyncio.sleep(1)
        assert connections == 3
