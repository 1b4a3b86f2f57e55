"""The session that all requests share: connections, User-Agent, proxies from the environment."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from types import MappingProxyType
from typing import TYPE_CHECKING

from weatherd.http.connections import KEEP_ALIVE, ClientTls
from weatherd.http.deadlines import Deadlines
from weatherd.http.links.link_connector import LinkConnector, SystemResolver
from weatherd.http.links.link_pool import LinkPool
from weatherd.http.proxies import find_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    import aiohttp
    from yarl import URL

    from weatherd.http.links.link_pool import Follow
    from weatherd.http.plain_urls import Address

_SERVERS = 64  # servers whose proxies are cached


class Session:
    """The connections that all requests share. Callers limit the number of concurrent requests."""

    def __init__(
        self,
        open_client: Callable[[], aiohttp.ClientSession],
        environ: Mapping[str, str],
        link_connector: LinkConnector,
        keep_alive: float = KEEP_ALIVE,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.headers = headers  # of every request
        self.clock = asyncio.get_running_loop().time
        self.deadlines = Deadlines()
        self._open_client = open_client
        self._client: aiohttp.ClientSession | None = None
        self._find_proxy = functools.lru_cache(_SERVERS)(functools.partial(find_proxy, environ=environ))
        self._link_connector = link_connector
        self._keep_alive = keep_alive
        self._link_pools: list[LinkPool] = []
        self.has_proxies = any(name.lower() in ("http_proxy", "https_proxy") for name in environ)

    @property
    def client(self) -> aiohttp.ClientSession:
        """The client for what is not a poll; aiohttp is imported when it is first used, because it takes 10 MB."""
        if self._client is None:
            self._client = self._open_client()
        return self._client

    def find_proxy(self, address: URL) -> URL | None:
        """Return the proxy for an address, as :func:`weatherd.http.proxies.find_proxy` does."""
        return self._find_proxy(address.origin()) if self.has_proxies else None

    def open_link_pool(self, address: Address, follow: Follow) -> LinkPool:
        """Open a pool of connections for polls, which is closed with the session."""
        pool = LinkPool(self._link_connector, address, follow, self._keep_alive)
        self._link_pools.append(pool)
        return pool

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._link_pools:
            await pool.aclose()
        await self._link_connector.aclose()
        if self._client:
            await self._client.close()
        await asyncio.sleep(0)  # so that the transports end, too


@contextlib.asynccontextmanager
async def open_session(
    agent: str,
    *,
    ca_file: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    keep_alive: float = KEEP_ALIVE,
) -> AsyncIterator[Session]:
    """Open a session.

    *agent* is the ``User-Agent``. *ca_file* has CA certificates (PEM) to be trusted in addition to the system's.
    An idle connection is closed after *keep_alive* seconds.
    """
    tls, headers = ClientTls(ca_file), {"User-Agent": agent}
    open_client = functools.partial(_open_client, tls, headers, keep_alive)
    session = Session(open_client, environ, LinkConnector(SystemResolver(), tls), keep_alive, headers)
    async with contextlib.aclosing(session):
        yield session


def _open_client(tls: ClientTls, headers: Mapping[str, str], keep_alive: float) -> aiohttp.ClientSession:
    import aiohttp  # noqa: PLC0415 - only where it is used

    from weatherd.http.connector import CheckedConnector, TimedResolver  # noqa: PLC0415

    return aiohttp.ClientSession(
        connector=CheckedConnector(limit=0, keepalive_timeout=keep_alive, ssl=tls, resolver=TimedResolver()),
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # each request has a Deadline, which includes its redirects
    )
