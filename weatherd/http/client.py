"""The one place that speaks HTTP as a client: questions and whole answers, with a deadline and a size cap."""

from __future__ import annotations

import contextlib
import email.utils
import functools
import json
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import orjson
from aiohttp import InvalidURL
from yarl import URL

from weatherd.errors import Failure, ProviderError
from weatherd.http.errors import FOREIGN, translated
from weatherd.http.trace import RequestTrace, note
from weatherd.http.transport import SCHEMES, ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiohttp.streams import StreamReader

    from weatherd.http.transport import Response, Session

MOST_BYTES = 1024 * 1024
DEADLINE = 15.0  # seconds for a whole exchange, from the connection to the last byte
_REDIRECTS = 5
_REDIRECTIONS = (301, 302, 303, 307, 308)
_HARMLESS = ("user-agent", "accept", "if-modified-since")  # fields that may go along to another server
_QUIET = 60.0  # seconds between two lines of an answer that goes on
_LONGEST_WAIT = 86400.0  # that a service can impose on us; after that it may say so again


class Answer(NamedTuple):
    """What a server said, whole."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


async def get(
    session: Session,
    url: str,
    params: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
    *,
    deadline: float = DEADLINE,
) -> Answer:
    """Ask once and read the whole answer, of whatever status; *headers* go with the question.

    Raises ProviderError when there is no whole answer within *deadline* seconds, and up to one more, or it is over
    1 MiB. The error never holds the address, because a key may be part of it.
    """
    exchange = RequestTrace(_host(url), session.clock)
    note((exchange,))
    try:
        with session.deadlines.after(deadline):
            return await _whole(await _follow(session, _address(url).extend_query(params), headers or {}, exchange))
    except FOREIGN as error:
        raise translated(error, deadline) from None
    finally:
        exchange.reached("done")


async def lines(session: Session, url: str, headers: Mapping[str, str]) -> AsyncIterator[str]:
    """Yield the lines of an answer as they come, for as long as they come, a minute apart at the most.

    Raises ProviderError when there is no answer, or one of another status than 200.
    """
    patience = DEADLINE
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
    session: Session, url: str, body: bytes, headers: Mapping[str, str], *, deadline: float = DEADLINE
) -> Answer:
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
) -> Response:
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


async def _whole(response: Response) -> Answer:
    message, content, link = response
    body = b""
    try:
        while not content.at_eof():
            body += await content.readany()
            if len(body) > MOST_BYTES:
                raise ProviderError("the answer is larger than 1 MiB", Failure.MALFORMED)
    finally:
        link.let_go()
    return Answer(message.code, body, message.headers)


async def _line(session: Session, content: StreamReader) -> bytes:
    with session.deadlines.after(_QUIET):
        return await content.readline()


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON text; ProviderError for anything else, NaN and Infinity among it."""
    if not body.strip():
        raise ProviderError("the answer is empty", Failure.MALFORMED)
    try:
        return orjson.loads(body)
    except ValueError:
        return _parse_slowly(body)


def _parse_slowly(body: bytes) -> Any:
    """Read what is not quite well-formed, half a surrogate in one of its texts, say: the rest of it is still good."""
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        kind = "an HTML page" if body.lstrip()[:1] == b"<" else "not JSON"
        raise ProviderError(f"the answer is {kind}", Failure.MALFORMED) from None


def failure_of(status: int) -> Failure:
    """Say what a status other than 200 means for the next request."""
    match status:
        case 401 | 402 | 403 | 407:
            return Failure.DENIED
        case 429:
            return Failure.LIMITED
        case _ if 400 <= status < 500 and status not in (408, 425):  # noqa: PLR2004 - too slow, too early: may succeed
            return Failure.REFUSED
        case 500:
            return Failure.BROKEN
    return Failure.UNAVAILABLE


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds, a day at the most, that a ``Retry-After`` asks for in either form; see RFC 9110 §10.2.3."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_WAIT)
    try:
        moment = email.utils.parsedate_to_datetime(value)
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), _LONGEST_WAIT)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
