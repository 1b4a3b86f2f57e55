"""Redirects: to which addresses a server may send the client. A proxy on loopback stands for the Internet."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from yarl import URL

from tests.http.raw_server import RESPONSE, serve_bytes
from tests.support.private_ca import create_server_tls
from weatherd.errors import Failure, ProviderError
from weatherd.http.client import stream_lines
from weatherd.http.redirects import Reach, check_reach, find_reach, resolve_location
from weatherd.http.session import open_session

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.http.clients import Get

KEY = "0123456789abcdef"
PUBLIC = "http://weather.invalid/data"  # reached through the proxy, which knows the name


class Server:
    """Responds to every request with the same response, and records the requests."""

    def __init__(self, location: str = "") -> None:
        self.heads: list[str] = []
        self.port = 0
        self.location = location

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            self.heads.append(head)
            moved = f"HTTP/1.1 302 Found\r\nLocation: {self.location}\r\nContent-Length: 0\r\n\r\n"
            writer.write(moved.encode() if self.location else RESPONSE)


@contextlib.asynccontextmanager
async def running(server: Server, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Run a server on loopback."""
    async with serve_bytes(server.serve, context) as server.port:
        yield server


@pytest.mark.parametrize(
    ("host", "reach"),
    [
        ("127.0.0.1", Reach.HOST),
        ("127.8.8.8", Reach.HOST),
        ("0.0.0.0", Reach.HOST),  # noqa: S104 - an address to refuse
        ("::1", Reach.HOST),
        ("[::1]", Reach.HOST),
        ("::ffff:127.0.0.1", Reach.HOST),
        ("169.254.169.254", Reach.HOST),
        ("fe80::1%eth0", Reach.HOST),
        ("10.1.2.3", Reach.PRIVATE),
        ("172.16.0.1", Reach.PRIVATE),
        ("192.168.1.1", Reach.PRIVATE),
        ("100.64.0.1", Reach.PRIVATE),
        ("fd00::1", Reach.PRIVATE),
        ("::ffff:10.0.0.1", Reach.PRIVATE),
        ("8.8.8.8", Reach.PUBLIC),
        ("2606:4700::1111", Reach.PUBLIC),
        ("example.org", Reach.PUBLIC),
        ("", Reach.PUBLIC),
    ],
)
def test_the_reach_of_an_address(host: str, reach: Reach) -> None:
    """Every kind of address that is not of the Internet is known, also as IPv6."""
    assert find_reach(host) is reach
    for limit in Reach:
        with contextlib.nullcontext() if reach <= limit else pytest.raises(ProviderError, match="service redirects to"):
            check_reach(host, limit)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_the_internet_does_not_redirect_to_this_machine(get: Get, host: str) -> None:
    """Neither by address nor by a name that resolves to it: no request arrives there."""
    async with running(Server()) as internal, running(Server()) as proxy:
        proxy.location = f"http://{host}:{internal.port}/data?appid={KEY}"
        environ = {"HTTP_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": host}
        async with open_session("weatherd/test", environ=environ) as session:
            with pytest.raises(ProviderError) as caught:
                await get(session, PUBLIC, {"appid": KEY})
            with pytest.raises(ProviderError, match="loopback"):
                await anext(stream_lines(session, PUBLIC, {}))
            assert (await get(session, f"http://127.0.0.1:{internal.port}/", {})).status == 200
    assert str(caught.value) == "the service redirects to a loopback or link-local address"
    assert caught.value.failure is Failure.UNAVAILABLE
    assert [head.split()[1] for head in internal.heads] == ["/"]


async def test_an_open_connection_is_not_used_either(get: Get) -> None:
    """The check is of the connection's address, so a connection in the pool is no way around it."""
    async with running(Server()) as internal, running(Server()) as proxy:
        proxy.location = f"http://localhost:{internal.port}/second"
        environ = {"HTTP_PROXY": f"http://127.0.0.1:{proxy.port}"}
        async with open_session("weatherd/test", environ=environ) as session:
            for _ in range(2):
                await get(session, f"http://localhost:{internal.port}/first", {})
                with pytest.raises(ProviderError, match="loopback"):
                    await get(session, PUBLIC, {})
    assert [head.split()[1] for head in internal.heads] == ["/first", "/first"]


async def test_a_private_address_behind_a_proxy_is_not_requested(get: Get) -> None:
    """A redirect to an address of the local network is rejected, although the proxy would connect to it."""
    async with (
        running(Server("http://10.0.0.1/data")) as proxy,
        open_session("weatherd/test", environ={"HTTP_PROXY": f"http://127.0.0.1:{proxy.port}"}) as session,
    ):
        with pytest.raises(ProviderError, match=r"^the service redirects to a private address$"):
            await get(session, PUBLIC, {})
    assert [head.split()[1] for head in proxy.heads] == [PUBLIC]


async def test_a_server_on_this_machine_may_redirect_to_it(get: Get) -> None:
    """If ``base_url`` is on loopback, such as a simulator's or a proxy's, its redirects are followed."""
    async with (
        running(Server()) as second,
        running(Server(f"http://localhost:{second.port}/")) as first,
        open_session("weatherd/test") as session,
    ):
        assert (await get(session, f"http://127.0.0.1:{first.port}/", {})).status == 200


async def test_a_redirect_from_https_to_http_is_refused(get: Get, tmp_path: Path) -> None:
    """The key in its address is not sent, not even to the same machine."""
    context = create_server_tls(tmp_path / "ca.pem", "localhost")
    async with running(Server()) as plain, running(Server(), context) as secure:
        secure.location = f"http://localhost:{plain.port}/?appid={KEY}"
        async with open_session("weatherd/test", ca_file=tmp_path / "ca.pem") as session:
            with pytest.raises(ProviderError, match=r"^the service redirects from https to http$") as caught:
                await get(session, f"https://localhost:{secure.port}/", {"appid": KEY})
    assert caught.value.failure is Failure.UNAVAILABLE
    assert (len(secure.heads), plain.heads) == (1, [])


def test_https_is_kept() -> None:
    """A relative target and one without a scheme keep HTTPS; plain HTTP may lead to HTTPS."""
    base = URL("https://example.org/a")
    assert str(resolve_location(base, "b")) == "https://example.org/b"
    assert str(resolve_location(base, "//example.com/b")) == "https://example.com/b"
    assert str(resolve_location(URL("http://example.org/"), "https://example.org/")) == "https://example.org/"
