"""The listening sockets of the HTTP interface.

asyncio's own servers accept connections without limit. When the process has no descriptors left, they log a traceback
for each attempt to accept one, up to the size of the backlog in every round.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import ConfigError, Problem, describe
from weatherd.text.addresses import format_url
from weatherd.web.connections import WARNING_PERIOD, ClientConnection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from weatherd.config.http_section import HttpSection
    from weatherd.web.connections import ClientConnections

    OpenApp = Callable[[], Awaitable[Callable[[], asyncio.Protocol]]]

log = structlog.get_logger()

_BACKLOG = 128  # connections that the kernel completes before they are accepted
_PAUSE = 1.0  # seconds after a failed accept()


@contextlib.asynccontextmanager
async def listen(http: HttpSection, connections: ClientConnections, open_app: OpenApp) -> AsyncIterator[str]:
    """Accept connections and yield the URL. Raises ConfigError if the address cannot be bound.

    *open_app* is awaited for each connection, and returns what creates its protocol.
    """
    async with contextlib.AsyncExitStack() as stack:
        listeners = [stack.enter_context(listener) for listener in await _bind(http)]
        tasks = [
            asyncio.create_task(_accept(listener, connections, open_app), name="accept connections")
            for listener in listeners
        ]
        tasks.append(asyncio.create_task(connections.enforce_timeouts(), name="limit connections"))
        try:
            host, port = listeners[0].getsockname()[:2]
            yield format_url(host, port)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def check_address(http: HttpSection) -> None:
    """Raise ConfigError if the address cannot be bound; no connection is accepted."""
    for listener in await _bind(http):
        listener.close()


async def _bind(http: HttpSection) -> list[socket.socket]:
    """Bind every address of the host, for example 127.0.0.1 and ::1 of localhost."""
    sockets: list[socket.socket] = []
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            http.host, http.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, _, _, _, address in dict.fromkeys(found):
            listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
            listener.setblocking(False)
            sockets.append(listener)
    except (OSError, OverflowError, UnicodeError) as error:
        for listener in sockets:
            listener.close()
        # The text of create_server()'s error has the address, too
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or str(error)
        problem = f"cannot listen on {http.host} port {http.port}: {reason}"
        advice = "set another 'port' (0 picks a free one), or 'enabled: false'"
        raise ConfigError(Problem("http", f"{problem}; {advice}")) from None
    return sockets


async def _accept(listener: socket.socket, connections: ClientConnections, open_app: OpenApp) -> None:
    """Accept connections for ever, as long as there is room for them."""
    loop, next_warning = asyncio.get_running_loop(), 0.0
    while True:
        await connections.wait_for_room()
        try:
            client, _ = await loop.sock_accept(listener)
        except OSError as error:  # no descriptors are left; ECONNABORTED is rare
            if loop.time() >= next_warning:
                log.warning("http.accept_failed", reason=error.strerror)
                next_warning = loop.time() + WARNING_PERIOD
            await asyncio.sleep(_PAUSE)
            continue
        try:
            factory = functools.partial(_make_connection, await open_app(), connections)
            with contextlib.suppress(OSError):  # the client has closed it meanwhile
                await loop.connect_accepted_socket(factory, client)
        except Exception as error:
            client.close()
            if loop.time() >= next_warning:
                log.error("http.open_failed", reason=describe(error), exc_info=error)
                next_warning = loop.time() + WARNING_PERIOD
        except BaseException:
            client.close()
            raise


def _make_connection(make_protocol: Callable[[], asyncio.Protocol], connections: ClientConnections) -> ClientConnection:
    return ClientConnection(make_protocol(), connections)
