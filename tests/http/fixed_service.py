"""A service that sends the same bytes in response to every request."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.http.raw_server import serve_bytes
from weatherd.errors import ProviderError
from weatherd.http.session import Session, open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.http.clients import Get

NO_HTTP = "the service does not speak HTTP correctly"
CUT_OFF = "the response was cut off"
TOO_LARGE = "the response is larger than 1 MiB"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Service:
    """Sends the same bytes in response to every request, and records requests and connections."""

    def __init__(self, *pieces: bytes, pause: float = 0.0, closes: bool = False) -> None:
        self.heads: list[bytes] = []
        self.opened = 0
        self.closed = 0
        self.url = ""
        self._pieces = pieces
        self._pause = pause
        self._closes = closes

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.opened += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
                for piece in self._pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(self._pause)
                if self._closes:
                    break
        finally:
            self.closed += 1


@contextlib.asynccontextmanager
async def running(service: Service) -> AsyncIterator[Session]:
    """Run a service on loopback."""
    async with serve_bytes(service.serve) as port, open_session("weatherd/test") as session:
        service.url = f"http://127.0.0.1:{port}/data"
        yield session


async def reason_of(get: Get, session: Session, url: str) -> str:
    """Return the text of the error of a request."""
    with pytest.raises(ProviderError) as caught:
        await get(session, url, "")
    return str(caught.value)
