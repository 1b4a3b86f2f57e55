"""What all requests share: the connections, the sender's name, the proxies of the environment."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import ClientOSError, ServerDisconnectedError

from weatherd.http.connections import KEEP_ALIVE, CheckedConnector, ClientTls, TimedResolver, current_attempt
from weatherd.http.deadlines import Deadlines
from weatherd.http.errors import translate
from weatherd.http.proxies import find_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
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
        middlewares=(_retry_if_reused,),
    ) as client:
        yield Session(client, environ)


async def _retry_if_reused(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Send a GET again, once and on a new connection, when the server has closed the reused one instead of responding.

    It may have closed that just when the request was on its way, and has not seen it. Of a new connection that is
    hardly so: a request that made the server hang up would only be made twice. A POST may have been carried out.
    Errors are translated here, because aiohttp would send a GET again after its own, on whatever connection.
    """
    attempt = current_attempt.get()
    try:
        try:
            return await handler(request)
        except (ClientOSError, ServerDisconnectedError):
            if not attempt.is_reused or request.method != "GET":
                raise
            attempt.connection, attempt.needs_new = None, True
            return await handler(request)
    except (ClientOSError, ServerDisconnectedError) as error:
        raise translate(error, attempt) from None
