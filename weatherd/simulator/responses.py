"""HTTP responses of the simulator: correct ones, and each kind of fault."""

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

from weatherd.simulator.faults.distortions import DISTORTION_KINDS, distort
from weatherd.simulator.query import ServiceResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from weatherd.simulator.endpoints import Endpoint
    from weatherd.simulator.query import StatusAndBody

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
REDIRECT_LOOP = "/-/round"  # redirects to itself
_SLOW_DELAY = 3.0  # seconds
_STALE_AGE = timedelta(hours=6)
_GATEWAY_PAGE = (
    "<html><head><title>502 Bad Gateway</title></head>\r\n"
    "<body><h1>502 Bad Gateway</h1><hr>weatherd-simulator, pretending to be nginx</body></html>\r\n"
)
_PORTAL_PAGE = (
    "<!DOCTYPE html><html><head><title>Welcome</title></head>"
    "<body><h1>Guest network</h1><p>Please accept our terms to use the internet.</p></body></html>"
)
_PAGES = {
    "502-html": (502, _GATEWAY_PAGE, "text/html"),
    "html-200": (200, _PORTAL_PAGE, "text/html"),
    "empty": (200, "", "application/json"),
}


def make_response(
    status: int, body: Any, headers: Mapping[str, str] = _NO_HEADERS, content_type: str = "application/json"
) -> web.Response:
    """Build a response: None gives no body, a string plain text, anything else JSON."""
    if body is None:
        return web.Response(status=status, headers=headers)
    if isinstance(body, str):
        return web.Response(status=status, text=body, headers=headers)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return web.Response(status=status, text=text, headers=headers, content_type=content_type)


async def send_response(
    request: web.Request,
    endpoint: Endpoint,
    fault: str | None,
    *,
    response_at: Callable[[datetime], StatusAndBody | ServiceResponse],
    now: Callable[[], datetime],
) -> web.StreamResponse:
    """Send the endpoint's response for the current time, or a fault instead.

    *response_at* returns the correct response for a time; the fault ``stale`` calls it with the time six hours ago.
    """
    if fault in _PAGES:
        status, text, content_type = _PAGES[fault]
        return web.Response(status=status, text=text, content_type=content_type)
    if fault in endpoint.error_responses:
        return make_response(*endpoint.error_responses[fault])
    match fault:
        case "redirect":
            raise web.HTTPFound(REDIRECT_LOOP)
        case "hang":
            await asyncio.get_running_loop().create_future()  # cancelled when the connection or the server closes
        case "slow":
            await asyncio.sleep(_SLOW_DELAY)
    response = ServiceResponse(*response_at(now() - _STALE_AGE if fault == "stale" else now()))
    if fault == "nan":
        text = json.dumps(_replace_floats_with_nan(response.body)).replace("NaN", endpoint.nan_literal)
        return web.Response(status=response.status, text=text, content_type="application/json")
    if fault in DISTORTION_KINDS:
        response = response._replace(body=distort(response.body, fault))
    complete = make_response(*response)
    return await _send_half(request, complete, fault) if fault in {"cut", "reset"} else complete


async def redirect_to_self(_: web.Request) -> NoReturn:
    """Redirect to the same URL."""
    raise web.HTTPFound(REDIRECT_LOOP)


def _replace_floats_with_nan(body: Any) -> Any:
    """Replace each float by NaN, as the real Open-Meteo does outside the area of a model."""
    match body:
        case dict():
            return {key: _replace_floats_with_nan(value) for key, value in body.items()}
        case list():
            return [_replace_floats_with_nan(value) for value in body]
        case float():
            return math.nan
    return body


async def _send_half(request: web.Request, complete: web.Response, fault: str) -> web.StreamResponse:
    """Announce the complete body, send half of it, and end the connection."""
    body = bytes(complete.body) if isinstance(complete.body, bytes | bytearray) else b""
    partial = web.StreamResponse(status=complete.status)
    partial.content_type = complete.content_type
    partial.content_length = len(body)
    await partial.prepare(request)
    await partial.write(body[: len(body) // 2])
    if (transport := request.transport) is not None:
        if fault == "reset":
            # Because of SO_LINGER with a timeout of 0, closing the socket sends RST instead of FIN.
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
    return partial
