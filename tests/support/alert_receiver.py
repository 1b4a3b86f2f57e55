"""A service that receives notifications over HTTP, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.weatherd_process import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class AlertReceiver:
    """Receives requests at any path, and responds with a script of statuses."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []  # path, headers, body
        self.script: list[int] = []
        self.address = ""  # host and port
        self.delay = 0.0  # seconds from a request to its response
        self._news = asyncio.Condition()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Handle any request."""
        body = await request.read()
        async with self._news:
            self.requests.append((request.path, dict(request.headers), body))
            self._news.notify_all()
        await asyncio.sleep(self.delay)
        status = self.script.pop(0) if self.script else 204
        headers = {"Location": "/moved"} if status in (301, 302, 307) else {}
        return web.Response(status=status, headers=headers | ({"Retry-After": "7"} if status == 429 else {}))

    async def wait_for_requests(self, count: int) -> None:
        """Wait until *count* requests have arrived."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.requests) >= count)


@contextlib.asynccontextmanager
async def run_alert_receiver() -> AsyncIterator[AlertReceiver]:
    """Run a receiver."""
    receiver = AlertReceiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        receiver.address = f"127.0.0.1:{server.port}"
        yield receiver
