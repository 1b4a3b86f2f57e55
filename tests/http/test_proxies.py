"""Requests through a proxy that the environment sets."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from typing import TYPE_CHECKING

import pytest
from yarl import URL

from tests.http.raw_server import RESPONSE, serve_bytes
from tests.support.private_ca import create_server_tls
from tests.support.servers import free_port
from weatherd.errors import Failure, ProviderError
from weatherd.http.client import post, stream_lines
from weatherd.http.proxies import find_proxy
from weatherd.http.session import open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tests.http.clients import Get
    from weatherd.http.session import Session

SECRET = "hunter2"  # the password of the proxy
KEY = "0123456789abcdef"


class Proxy:
    """A proxy on loopback that tunnels every CONNECT to one server and responds to any other request itself."""

    def __init__(self, response: bytes = RESPONSE, tunnel_to: int | None = None) -> None:
        self.heads: list[str] = []
        self.port = 0
        self.tasks: set[asyncio.Task[None] | None] = set()
        self._response = response
        self._tunnel_to = tunnel_to

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment variables for this proxy, with a password."""
        url = f"http://me:{SECRET}@127.0.0.1:{self.port}"
        return {"HTTP_PROXY": url, "HTTPS_PROXY": url}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.tasks.add(asyncio.current_task())
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            self.heads.append(head)
            if head.startswith("CONNECT") and self._tunnel_to:
                return await self._tunnel(reader, writer)
            if not self._response:
                return None
            writer.write(self._response)
        return None

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._tunnel_to)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(copy(reader, to_server))
            tasks.create_task(copy(from_server, writer))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes until the end."""
    with contextlib.closing(writer), contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)


@contextlib.asynccontextmanager
async def running(proxy: Proxy) -> AsyncIterator[Proxy]:
    """Run a proxy."""
    async with serve_bytes(proxy.serve) as proxy.port:
        yield proxy
    if tasks := [task for task in proxy.tasks if task]:
        await asyncio.wait(tasks, timeout=10)


async def test_a_request_goes_through_the_proxy(get: Get) -> None:
    """The proxy gets the absolute URL, resolves the host name, and gets the credentials."""
    async with running(Proxy()) as proxy, open_session("weatherd/test", environ=proxy.environ) as session:
        for _ in range(2):
            assert (await get(session, "http://weather.invalid/data", {"q": "1"}, {"X-Key": KEY})).body == b"{}"
        assert (await post(session, "http://weather.invalid/data", b"x", {})).status == 200
    assert [head.split("\r\n")[0] for head in proxy.heads] == [
        "GET http://weather.invalid/data?q=1 HTTP/1.1",
        "GET http://weather.invalid/data?q=1 HTTP/1.1",
        "POST http://weather.invalid/data HTTP/1.1",
    ]
    assert all("Proxy-Authorization: Basic bWU6aHVudGVyMg==" in head for head in proxy.heads)
    assert "X-Key" in proxy.heads[0]


async def test_https_goes_through_a_tunnel(get: Get, tmp_path: Path) -> None:
    """The proxy sees host and port, but not the request; the server's certificate is verified."""
    context = create_server_tls(tmp_path / "ca.pem", "weather.invalid")
    heads: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            heads.append(head.decode())
            writer.write(RESPONSE)

    async with (
        serve_bytes(talk, context) as port,
        running(Proxy(tunnel_to=port)) as proxy,
        open_session("weatherd/test", environ=proxy.environ, ca_file=tmp_path / "ca.pem") as session,
        open_session("weatherd/test", environ=proxy.environ) as unaware,
    ):
        for _ in range(2):
            assert (await get(session, "https://weather.invalid/data", {"appid": KEY}, {"X-Key": KEY})).body == b"{}"
        with pytest.raises(ProviderError, match=r"the certificate of weather\.invalid is not trusted"):
            await get(unaware, "https://weather.invalid/data", {"appid": KEY})
    assert [head.split("\r\n")[0] for head in proxy.heads] == ["CONNECT weather.invalid:443 HTTP/1.1"] * 2
    assert not any(KEY in head for head in proxy.heads)
    assert "Proxy-Authorization: Basic bWU6aHVudGVyMg==" in proxy.heads[0]
    assert len(heads) == 2
    assert not any("Proxy-Authorization" in head for head in heads)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("response", "reason", "failure"),
    [
        (b"407 Proxy Authentication Required", "the proxy {} requires a user name and a password", Failure.DENIED),
        (b"", "the proxy {} closed the connection without a response", Failure.UNAVAILABLE),
    ],
)
async def test_a_failure_of_the_proxy_names_the_proxy(
    get: Get, scheme: str, response: bytes, reason: str, failure: Failure
) -> None:
    """The error names the proxy, without the password, and not the service."""
    raw = b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % response if response else b""
    async with running(Proxy(raw)) as proxy, open_session("weatherd/test", environ=proxy.environ) as session:
        error = await get_error(get, session, f"{scheme}://weather.invalid/data")
    assert (str(error), error.failure) == (reason.format(f"127.0.0.1:{proxy.port}"), failure)


async def test_a_proxy_that_denies_a_tunnel(get: Get) -> None:
    """The error has the status of the proxy."""
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    async with running(Proxy(refusal)) as proxy, open_session("weatherd/test", environ=proxy.environ) as session:
        error = await get_error(get, session, "https://weather.invalid/data")
    assert str(error) == f"the proxy 127.0.0.1:{proxy.port} cannot reach the service: status 403"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_an_unavailable_proxy(get: Get, scheme: str) -> None:
    """The error says that the proxy cannot be reached."""
    proxy = Proxy()
    proxy.port = free_port()
    async with open_session("weatherd/test", environ=proxy.environ) as session:
        error = await get_error(get, session, f"{scheme}://weather.invalid/data")
    assert str(error) == f"no connection to the proxy 127.0.0.1:{proxy.port}: Connection refused"


async def test_a_slow_response_through_a_proxy(get: Get) -> None:
    """Proxy or service may be slow, so the error names the proxy only at its end."""

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    proxy = Proxy()
    async with (
        serve_bytes(silent) as proxy.port,
        open_session("weatherd/test", environ=proxy.environ) as session,
    ):
        for scheme in ("http", "https"):
            error = await get_error(get, session, f"{scheme}://weather.invalid/data")
            assert str(error) == f"no complete response within 15 s (through the proxy 127.0.0.1:{proxy.port})"
        with pytest.raises(ProviderError, match="through the proxy"):
            await anext(stream_lines(session, "http://weather.invalid/", {}))


async def get_error(get: Get, session: Session, url: str) -> ProviderError:
    """Return the error of a failing request, which must not contain a secret."""
    with pytest.raises(ProviderError) as caught:
        await get(session, url, {"appid": KEY})
    text = "".join(traceback.format_exception(caught.value))
    assert not any(secret in text for secret in (SECRET, KEY, "/data"))
    return caught.value


async def test_passwords_in_the_netrc_file_are_not_sent(
    get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is for the user's other programs, so a weather service does not get a password in it."""
    (tmp_path / "netrc").write_text("default login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with running(Proxy()) as server, open_session("weatherd/test") as session:
        await get(session, f"http://127.0.0.1:{server.port}/", {})
    assert "authorization" not in server.heads[0].lower()


async def test_the_environment_of_the_process_is_the_default(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is read when the session is opened."""
    async with running(Proxy()) as proxy:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")
        async with open_session("weatherd/test") as session:
            await get(session, "http://weather.invalid/", {})
    assert len(proxy.heads) == 1


@pytest.mark.parametrize(
    ("url", "no_proxy", "is_used"),
    [
        ("http://weather.example", "", True),
        ("http://weather.example", "weather.example", False),
        ("http://weather.example", "other.example, Weather.Example", False),
        ("http://weather.example", "example", False),
        ("http://weather.example", ".example", False),
        ("http://weather.example", "*.example", False),
        ("http://weather.example", "*", False),
        ("http://weather.example", "ther.example", True),
        ("http://weather.example.", "weather.example", False),
        ("http://weather.example:8080", "weather.example:8080", False),
        ("http://weather.example:8080", "weather.example:80", True),
        ("http://weather.example:8080", ",, :8080", True),
        ("http://10.1.2.3", "10.1.2.3", False),
        ("http://10.1.2.3", "10.0.0.0/8", False),
        ("http://10.1.2.3", "10.1.2.3/8", False),
        ("http://11.1.2.3", "10.0.0.0/8", True),
        ("http://10.1.2.3", "2.3", True),
        ("http://10.1.2.3:81", "10.1.2.3:81", False),
        ("http://[2001:db8::1]", "2001:db8::/32", False),
        ("http://[2001:db8::1]:81", "[2001:db8::1]:81", False),
        ("http://[2001:db8::1]", "[2001:db8::1]", False),
        ("http://localhost:8086", "", False),
        ("http://127.0.0.1:8086", "", False),
        ("http://127.8.9.1", "", False),
        ("http://[::1]:8086", "", False),
        ("https://weather.example", "", False),
    ],
)
def test_no_proxy_excludes_hosts(url: str, no_proxy: str, *, is_used: bool) -> None:
    """NO_PROXY has hosts, domains, IP addresses and networks, with or without a port; loopback is always excluded."""
    environ = {"http_proxy": "http://proxy.example:3128", "NO_PROXY": no_proxy}
    assert find_proxy(URL(url), environ) == (URL("http://proxy.example:3128") if is_used else None)


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({"HTTPS_PROXY": "proxy.example:3128"}, "http://proxy.example:3128"),
        ({"HTTPS_PROXY": " https://proxy.example "}, "https://proxy.example"),
        ({"HTTPS_PROXY": "http://upper.example", "https_proxy": "http://lower.example"}, "http://lower.example"),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTP_PROXY": "http://proxy.example"}, None),
        ({}, None),
    ],
)
def test_the_scheme_selects_the_proxy(environ: Mapping[str, str], proxy: str | None) -> None:
    """Each scheme has a variable; a proxy address without a scheme means HTTP; lower case takes precedence."""
    assert find_proxy(URL("https://weather.example"), environ) == (URL(proxy) if proxy else None)


@pytest.mark.parametrize("proxy", ["socks5://proxy.example:1080", "http://:3128", "http://[half", "http://p:port"])
def test_an_invalid_proxy_address(proxy: str) -> None:
    """The error names the variable."""
    with pytest.raises(ProviderError, match=r"^HTTPS_PROXY is not the address of a proxy, such as http://proxy:3128$"):
        find_proxy(URL("https://weather.example"), {"https_proxy": proxy})
