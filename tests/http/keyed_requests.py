"""Requests with a key, which no error may contain, to a service on loopback."""

from __future__ import annotations

import contextlib
import traceback
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.http.raw_server import serve_bytes
from weatherd.errors import ProviderError
from weatherd.http.session import Session, open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.http.clients import Get
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
