"""HTTP interface that is loaded when it is first used.

With its libraries it takes 12 MB and 70 ms of CPU time, which a daemon that nobody connects to does not need.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from typing import TYPE_CHECKING

import structlog

from weatherd.web.connections import ClientConnections, connection_limit
from weatherd.web.listener import listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from weatherd.config.http_section import HttpSection
    from weatherd.daemon.status import DaemonStatus

log = structlog.get_logger()


@contextlib.asynccontextmanager
async def serve_http(status: DaemonStatus, http: HttpSection) -> AsyncIterator[str]:
    """Serve the HTTP interface and yield its URL. Raises ConfigError if the address cannot be bound.

    The application is opened for the first connection, which waits for it.
    """
    connections, lock = ClientConnections(connection_limit()), asyncio.Lock()
    factories: list[Callable[[], asyncio.Protocol]] = []
    async with (
        status.journal.open_reader() as reader,
        status.journal.open_reader() as history_reader,
        contextlib.AsyncExitStack() as stack,
    ):

        async def open_app() -> Callable[[], asyncio.Protocol]:
            async with lock:
                if not factories:
                    server = await asyncio.to_thread(importlib.import_module, "weatherd.web.server")
                    app = server.open_app(status, http, connections, reader, history_reader)
                    factories.append(await stack.enter_async_context(app))
            return factories[0]

        async with listen(http, connections, open_app) as url:
            log.info("http.ready", url=url)
            yield url
