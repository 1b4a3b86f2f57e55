"""A failed request leaves no reference cycles, which only the collector would free, and it runs rarely."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import TYPE_CHECKING

import pytest

from tests.http.raw_server import serve_bytes
from weatherd.errors import ProviderError
from weatherd.http.session import open_session

if TYPE_CHECKING:
    from tests.http.clients import Get

RESPONSES = {
    "no response": b"",
    "part of the headers": b"HTTP/1.1 200 OK\r\nContent-",
    "not HTTP": b"\x00\x01\x02\r\n\r\n",
    "cut body": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello",
    "cut chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "error": b"HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nhello",
}


def collect() -> list[object]:
    """Return what only the collector frees."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return gc.garbage[:]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("hang", [False, True])
@pytest.mark.parametrize("name", RESPONSES)
async def test_failed_requests_leave_no_cycles(get: Get, name: str, *, hang: bool) -> None:
    """The collector finds nothing of weatherd or aiohttp after bad responses. In 3.11 it finds asyncio's transports."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(RESPONSES[name])
        if hang:
            await reader.read()

    async with serve_bytes(talk) as port, open_session("test") as session:
        url = f"http://127.0.0.1:{port}/"
        garbage: list[type] = []
        for attempts in (2, 10):  # the first requests fill caches
            gc.collect()
            gc.disable()
            for _ in range(attempts):
                with contextlib.suppress(ProviderError):
                    await get(session, url, {}, deadline=1)
            await asyncio.sleep(1)
            garbage = [type(item) for item in collect()]
        assert not {kind.__module__.partition(".")[0] for kind in garbage} & {"aiohttp", "weatherd", "multidict"}
        assert not {kind.__name__ for kind in garbage} & {"frame", "traceback"}
