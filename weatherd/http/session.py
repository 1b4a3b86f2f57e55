"""What all requests share: the connections, the sender's name, the proxies of the environment."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from typing import TYPE_CHECKING

import aiohttp

from weatherd.http.connections import KEEP_ALIVE, CheckedConnector, ClientTls, TimedResolver
from weatherd.http.deadlines import Deadlines
from weatherd.http.proxies import find_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from yarl import URL

_SERVERS = 64  # of which the proxy is remembered


class Session:
    """The connections that all requests share. How many are open at once is the callers' affair."""

    def __init__(self, client: aiohttp.ClientSession, environ: Mapping[str, str]) -> None:
        self.client = client
        self.clock = asyncio.get_running_loop().time
        self.deadlines = Deadlines()
        self._find_proxy = functools.lru_cache(_SERVERS)(functools.partial(find_proxy, environ=environ))
        self._has_proxies = any(name.lower() in ("http_proxy", "https_proxy") for name in environ)

    def find_proxy(self, address: URL) -> URL | None:
        """Return the proxy for an address, as :func:`weatherd.http.proxies.find_proxy` does."""
        return self._find_proxy(address.origin()) if self._has_proxies else None


@contextlib.asynccontextmanager
async def open_session(
    agent: str,
    *,
    ca_file: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> AsyncIterator[Session]:
    """Open a session.

    *agent* is the ``User-Agent``. *ca_file* holds CA certificates (PEM) that are trusted beside the system's.
    """
    connector = CheckedConnector(
        limit=0, keepalive_timeout=KEEP_ALIVE, ssl=ClientTls(ca_file), resolver=TimedResolver()
    )
    async with aiohttp.ClientSession(
        connector=connector,
        headers={"User-Agent": agent},
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # each request has a deadline of ours, for all of its redirects
    ) as client:
        yield Session(client, environ)
