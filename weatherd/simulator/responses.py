"""What goes over the wire: right answers, and each of the faults."""

from __future__ import annotations

import asyncio
import json
import math
import socket
import struct
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from aiohttp import web

from weatherd.simulator.query import ServiceResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from weatherd.simulator.endpoints import Endpoint
    from weatherd.simulator.query import StatusAndBody

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
REDIRECT_LOOP = "/-/round"  # redirects to itself
_SLOWNESS = 3.0  # s
_STALENESS = timedelta(hours=6)
_GATEWAY = (
    "<html><head><title>502 Bad Gateway</title></head>\r\n"
    "<body><h1>502 Bad Gateway</h1><hr>weatherd-simulator, pretending to be nginx</body></html>\r\n"
)
_PORTAL = (
    "<!DOCTYPE html><html><head><title>Welcome</title></head>"
    "<body><h1>Guest network</h1><p>Please accept our terms to use the internet.</p></body></html>"
)
_PAGES = {
    "502-html": (502, _GATEWAY, "text/html"),
    "html-200": (200, _PORTAL, "text/html"),
    "empty": (200, "", "application/json"),
}


def make_response(
    status: int, body: Any, headers: Mapping[str, str] = _NO_HEADERS, content_type: str = "application/json"
) -> web.Response:
    """Make a response of a JSON body, or of a string as plain text, or without any."""
    if body is None:
        return web.Response(status=status, headers=headers)
    if isinstance(body, str):
        return web.Response(status=status, text=body, headers=headers)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return web.Response(status=status, text=text, headers=headers, content_type=content_type)


async def respond(
    request: web.Request,
    service: Endpoint,
    kind: str | None,
    *,
    answer: Callable[[datetime], StatusAndBody | ServiceResponse],
    now: Callable[[], datetime],
) -> web.StreamResponse:
    """Give the answer of a moment, or the fault of a kind instead."""
    if kind in _PAGES:
        return _page(*_PAGES[kind])
    if kind in service.troubles:
        return make_response(*service.troubles[kind])
    match kind:
        case "redirect":
            raise web.HTTPFound(REDIRECT_LOOP)
        case "hang":
            await asyncio.get_running_loop().create_future()  # until the connection, or the server, ends
        case "slow":
            await asyncio.sleep(_SLOWNESS)
    reply = ServiceResponse(*answer(now() - _STALENESS if kind == "stale" else now()))
    if kind == "nan":
        text = json.dumps(_poisoned(reply.body)).replace("NaN", service.nan)
        return _page(reply.status, text, "application/json")
    whole = make_response(*reply)
    return await _break_off(request, whole, kind) if kind in {"cut", "reset"} else whole


async def redirect_to_self(_: web.Request) -> NoReturn:
    """Redirect to the same place again."""
    raise web.HTTPFound(REDIRECT_LOOP)


def _page(status: int, text: str, content_type: str) -> web.Response:
    return web.Response(status=status, text=text, content_type=content_type)


def _poisoned(body: Any) -> Any:
    """Put nan in place of every number with a fraction, as the real service does outside its models."""
    match body:
        case dict():
            return {key: _poisoned(value) for key, value in body.items()}
        case list():
            return [_poisoned(value) for value in body]
        case float():
            return math.nan
    return body


async def _break_off(request: web.Request, whole: web.Response, kind: str) -> web.StreamResponse:
    """Promise the whole body, send half of it, and end the connection."""
    body = bytes(whole.body) if isinstance(whole.body, bytes | bytearray) else b""
    partial = web.StreamResponse(status=whole.status)
    partial.content_type = whole.content_type
    partial.content_length = len(body)
    await partial.prepare(request)
    await partial.write(body[: len(body) // 2])
    if (transport := request.transport) is not None:
        if kind == "reset":
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
    return partial
