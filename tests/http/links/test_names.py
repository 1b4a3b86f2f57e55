"""Resolving of names, and the attempts to connect to their addresses."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.http.fixed_service import Service, reason_of, running
from tests.http.keyed_requests import KEY, get_error
from tests.http.raw_server import RESPONSE, respond, serve_bytes
from tests.support.private_ca import create_server_tls
from weatherd.http.connections import ClientTls
from weatherd.http.connector import CheckedConnector
from weatherd.http.links.link_connector import LinkConnector
from weatherd.http.polling import PollingClient
from weatherd.http.session import Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.http.clients import Get

ADDRESSES = {"IPv4": ("127.0.0.1",), "refused": ("127.0.0.2", "127.0.0.1"), "both": ("::1", "127.0.0.1")}


class Names(aiohttp.abc.AbstractResolver):
    """A resolver that returns the same addresses for every name, after a while."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.lookups = 0

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[aiohttp.abc.ResolveResult]:
        """Resolve a name."""
        self.lookups += 1
        await asyncio.sleep(1)
        if not self.addresses:
            raise OSError(-2, f"Name or service not known (http://{host}/?appid={KEY})")
        return [
            {"hostname": host, "host": each, "port": port, "family": family, "proto": 0, "flags": 0}
            for each in self.addresses
        ]

    async def close(self) -> None:
        """Close nothing."""


@contextlib.asynccontextmanager
async def resolving(resolver: Names, ca_file: Path | None = None) -> AsyncIterator[Session]:
    """Open a session with a resolver."""
    tls = ClientTls(ca_file)
    async with (
        aiohttp.ClientSession(connector=CheckedConnector(ssl=tls, resolver=resolver)) as general,
        contextlib.aclosing(Session(lambda: general, {}, LinkConnector(resolver, tls))) as session,
    ):
        yield session


@pytest.mark.parametrize("name", ADDRESSES)
async def test_all_addresses_of_a_name_are_tried(get: Get, name: str) -> None:
    """In both address families."""
    service = Service(RESPONSE)
    async with running(service), resolving(Names(*ADDRESSES[name])) as session:
        url = service.url.replace("127.0.0.1", "weather.invalid")
        assert (await get(session, url, "")).status == 200


async def test_a_name_without_a_usable_address(get: Get) -> None:
    """The error names the host and port, and the reason."""
    async with resolving(Names("127.0.0.2", "127.0.0.3")) as session:
        assert await reason_of(get, session, "http://weather.invalid:9/") == (
            "no connection to weather.invalid:9: Connection refused"
        )


async def test_an_unknown_host_name(get: Get) -> None:
    """A DNS failure names the host, and nothing else that the resolver says."""
    async with resolving(Names()) as session:
        error = await get_error(get, session, "http://weather.invalid/data/")
    assert str(error) == "the name weather.invalid cannot be resolved"


async def test_an_address_without_tls_is_not_the_last_that_is_tried(get: Get, tmp_path: Path) -> None:
    """Another address of the name may work; a name may end with a dot, which no certificate has."""
    context = create_server_tls(tmp_path / "ca.pem", "weather.invalid")
    names = Names("127.0.0.2", "127.0.0.1")
    async with (
        serve_bytes(respond, context) as port,
        await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.2", port),
        resolving(names, tmp_path / "ca.pem") as session,
    ):
        assert (await get(session, f"https://weather.invalid.:{port}/", "")).status == 200


async def test_a_lookup_of_which_nobody_waits_is_not_reported() -> None:
    """Its failure is no bug, and it ends with the session."""
    errors: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    for pause in (5, 0):
        async with resolving(Names()) as session:
            request = PollingClient(session, "http://weather.invalid/").get()
            await asyncio.sleep(0.5)
            request.cancel()
            await asyncio.sleep(pause)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        gc.collect()
    assert not errors


async def test_concurrent_requests_share_a_lookup() -> None:
    """Lookups take threads, of which there are few; a later connection looks the name up again."""
    service, names = Service(RESPONSE, pause=1), Names("127.0.0.1")
    async with running(service), resolving(names) as session:
        polls = PollingClient(session, service.url.replace("127.0.0.1", "weather.invalid"))
        requests = [polls.get() for _ in range(5)]
        await asyncio.sleep(0.5)
        requests[0].cancel()
        assert [response.status for response in await asyncio.gather(*requests[1:])] == [200] * 4
        assert (names.lookups, service.opened) == (1, 4)
        await asyncio.sleep(20)
        assert (await polls.get()).status == 200
        assert names.lookups == 2
