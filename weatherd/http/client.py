"""The one place that speaks HTTP as a client: questions and whole answers, with a deadline and a size cap."""

from __future__ import annotations

import contextlib
import functools
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import InvalidURL
from yarl import URL

from weatherd.errors import Failure, ProviderError
from weatherd.http.errors import FOREIGN, translated
from weatherd.http.response import Response, failure_of
from weatherd.http.session import SCHEMES, ask
from weatherd.http.trace import RequestTrace, add_traces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiohttp.streams import StreamReader

    from weatherd.http.session import Received, Session

MAX_BYTES = 1024 * 1024
_DEADLINE = 15.0  # seconds for a whole exchange, from the connection to the last byte
_REDIRECTS = 5
_REDIRECTIONS = (301, 302, 303, 307, 308)
_HARMLESS = ("user-agent", "accept", "if-modified-since")  # fields that may go along to another server
_QUIET = 60.0  # seconds between two lines of an answer that goes on


async def get(
    session: Session,
    url: str,
    params: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
    *,
    deadline: float = _DEADLINE,
) -> Response:
    """Ask once and read the whole answer, of whatever status; *headers* go with the question.

    Raises ProviderError when there is no whole answer within *deadline* seconds, and up to one more, or it is over
    1 MiB. The error never holds the address, because a key may be part of it.
    """
    exchange = RequestTrace(_host(url), session.clock)
    add_traces((exchange,))
    try:
        with session.deadlines.after(deadline):
            return await _whole(await _follow(session, _address(url).extend_query(params), headers or {}, exchange))
    except FOREIGN as error:
        raise translated(error, deadline) from None
    finally:
        exchange.reached("done")


async def stream_lines(session: Session, url: str, headers: Mapping[str, str]) -> AsyncIterator[str]:
    """Yield the lines of an answer as they come, for as long as they come, a minute apart at the most.

    Raises ProviderError when there is no answer, or one of another status than 200.
    """
    patience = _DEADLINE
    try:
        with session.deadlines.after(patience):
            message, content, link = await _follow(session, _address(url), headers)
        patience = _QUIET
        with contextlib.closing(link):
            if message.code != HTTPStatus.OK:
                raise ProviderError(f"status {message.code}", failure_of(message.code))
            while line := await _line(session, content):
                yield line.decode(errors="replace").rstrip("\r\n")
    except FOREIGN as error:
        raise translated(error, patience) from None


async def post(
    session: Session, url: str, body: bytes, headers: Mapping[str, str], *, deadline: float = _DEADLINE
) -> Response:
    """Send a body once and read the whole answer, of whatever status. A redirection is an answer as any other.

    Raises ProviderError as :func:`get` does.
    """
    try:
        with session.deadlines.after(deadline):
            return await _whole(await ask(session, _address(url), headers, body))
    except FOREIGN as error:
        raise translated(error, deadline) from None


@functools.lru_cache(maxsize=64)
def _address(url: str) -> URL:
    try:
        return URL(url)
    except ValueError:
        raise InvalidURL(url) from None


@functools.lru_cache(maxsize=64)
def _host(url: str) -> str:
    """Return the host and the port alone: the rest may hold a key."""
    return urlsplit(url).netloc.rpartition("@")[2]


async def _follow(
    session: Session, address: URL, fields: Mapping[str, str], exchange: RequestTrace | None = None
) -> Received:
    """Ask at an address, and where that sends us; what may be secret is for the first server alone."""
    for _ in range(_REDIRECTS):
        response = await ask(session, address, fields, exchange=exchange, tries=2)
        message, _, link = response
        location = message.headers.get("Location") if message.code in _REDIRECTIONS else None
        if not location:
            return response
        link.let_go()
        if exchange:
            exchange.begins_again()
        before, address = address, _moved(address, location)
        if address.origin() != before.origin():
            fields = {name: value for name, value in fields.items() if name.lower() in _HARMLESS}
    raise ProviderError("the service redirects in a circle", Failure.UNAVAILABLE)


def _moved(address: URL, location: str) -> URL:
    """Return where *location* leads from an address; the user's name and password stay with their own server."""
    with contextlib.suppress(ValueError):
        moved = URL(location)
        moved = moved if moved.scheme else address.join(moved)
        if moved.scheme in SCHEMES:
            is_same = moved.origin() == address.origin() and not moved.user
            return moved.with_user(address.user).with_password(address.password) if is_same else moved
    raise ProviderError("the service redirects to what is no web address", Failure.UNAVAILABLE)


async def _whole(response: Received) -> Response:
    message, content, link = response
    body = b""
    try:
        while not content.at_eof():
            body += await content.readany()
            if len(body) > MAX_BYTES:
                raise ProviderError("the answer is larger than 1 MiB", Failure.MALFORMED)
    finally:
        link.let_go()
    return Response(message.code, body, message.headers)


async def _line(session: Session, content: StreamReader) -> bytes:
    with session.deadlines.after(_QUIET):
        return await content.readline()
