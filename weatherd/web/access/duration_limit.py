"""The limit of the duration of a request, and the connection that it arrived on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from weatherd.web.connections import ClientConnection

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler


def find_connection(request: web.Request) -> ClientConnection | None:
    """Return the connection of a request; None if it has been closed."""
    protocol = request.transport.get_protocol() if request.transport else None
    return protocol if isinstance(protocol, ClientConnection) else None


@web.middleware
async def limit_duration(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Limit the duration of a request and of sending its response."""
    connection = find_connection(request)
    if connection is None:
        return await handler(request)
    connection.begin_request()
    try:
        return await handler(request)
    finally:
        connection.end_request()
