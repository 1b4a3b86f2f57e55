"""The one place that speaks HTTP as a client: deadlines, a size cap, and foreign exceptions translated once."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import errno
import json
import os
import ssl
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from weatherd.errors import Failure, ProviderError
from weatherd.exchange import Exchange, trail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

MOST_BYTES = 1024 * 1024
DEADLINE = 15.0  # seconds for a whole exchange, from the connection to the last byte
_REDIRECTS = 5
_QUIET = 60.0  # seconds between two lines of an answer that goes on
_LONGEST_WAIT = 86400.0  # that a service can impose on us; after that it may say so again

Session = aiohttp.ClientSession


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, whole."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def open_session(agent: str) -> AsyncIterator[Session]:
    """Open the session that all requests share; concurrency is the providers' own affair."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=_TimedTls.trusting()),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # one deadline, below
        headers={"User-Agent": agent},
        trace_configs=[_trace()],
    ) as session:
        yield session


async def get(
    session: Session,
    url: str,
    params: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
    *,
    deadline: float = DEADLINE,
) -> Answer:
    """Ask once and read the whole answer, of whatever status; *headers* go with the question.

    Raises ProviderError when there is no whole answer within *deadline* seconds or it is over 1 MiB. The error never
    holds the address, because a key may be part of it.
    """
    with _translated(deadline):
        async with (
            asyncio.timeout(deadline),
            _noted(url),
            session.get(url, params=params, headers=headers, max_redirects=_REDIRECTS) as response,
        ):
            return await _whole(response)


async def lines(session: Session, url: str, headers: Mapping[str, str]) -> AsyncIterator[str]:
    """Yield the lines of an answer as they come, for as long as they come, a minute apart at the most.

    Raises ProviderError when there is no answer, or one of another status than 200.
    """
    with _translated(_QUIET):
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=DEADLINE, sock_read=_QUIET)
        async with session.get(url, headers=headers, timeout=timeout) as response:
            if response.status != HTTPStatus.OK:
                raise ProviderError(f"status {response.status}", failure_of(response.status))
            async for line in response.content:
                yield line.decode(errors="replace").rstrip("\r\n")


async def post(
    session: Session, url: str, body: bytes, headers: Mapping[str, str], *, deadline: float = DEADLINE
) -> Answer:
    """Send a body once and read the whole answer, of whatever status. A redirection is an answer as any other.

    Raises ProviderError as :func:`get` does.
    """
    with _translated(deadline):
        async with (
            asyncio.timeout(deadline),
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            return await _whole(response)


_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@contextlib.asynccontextmanager
async def _noted(url: str) -> AsyncIterator[None]:
    """Note the phases of the exchange inside the ``with`` for whoever wants to know. The path may hold a key."""
    exchange = Exchange(urlsplit(url).netloc.rpartition("@")[2])
    trail().append(exchange)
    token = _current.set(exchange)
    try:
        yield
    finally:
        exchange.reached("done")
        _current.reset(token)


def _trace() -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()
    signals = (trace.on_dns_resolvehost_end, "dns"), (trace.on_connection_create_end, "connected")
    for signal, phase in (*signals, (trace.on_connection_reuseconn, "reused")):
        signal.append(_noting(phase))
    return trace


def _noting(phase: str) -> Callable[..., Awaitable[None]]:
    async def note(*_: object) -> None:
        if exchange := _current.get():
            exchange.reached(phase)

    return note


class _TimedTls(ssl.SSLContext):
    """Notes when a handshake begins: aiohttp tells only when it is over."""

    @classmethod
    def trusting(cls) -> _TimedTls:
        """Trust what this machine trusts."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        context.set_alpn_protocols(["http/1.1"])
        return context

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        if exchange := _current.get():
            exchange.reached("tls_begun")
        return super().wrap_bio(*args, **kwargs)


async def _whole(response: aiohttp.ClientResponse) -> Answer:
    if exchange := _current.get():
        exchange.status = response.status
        exchange.reached("first_byte")
    body = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > MOST_BYTES:
            raise ProviderError("the answer is larger than 1 MiB", Failure.MALFORMED)
    return Answer(response.status, bytes(body), response.headers)


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


@contextlib.contextmanager
def _translated(deadline: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise ProviderError(f"no whole answer within {deadline:g} s", Failure.BROKEN) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        failure = Failure.BROKEN if isinstance(error, aiohttp.ClientPayloadError) else Failure.UNAVAILABLE
        raise ProviderError(_reason(error), failure) from None  # what it came from may quote the address


def _reason(error: Exception) -> str:
    """Say what went wrong without the error's own text, which may quote the address and with it a key."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} cannot be resolved"
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate of {error.host} is not trusted: {_plain(error.certificate_error)}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {error.host}:{error.port}: {_plain(error.os_error)}"
        case aiohttp.ClientPayloadError():
            return "the answer broke off"
        case aiohttp.ServerDisconnectedError():
            return "the service hung up without an answer"
        case aiohttp.TooManyRedirects():
            return "the service redirects in a circle"
        case aiohttp.RedirectClientError():
            return "the service redirects to what is no web address"
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError() | UnicodeError():
            return "the address of the service is no web address"
        case aiohttp.ClientResponseError():
            return "the service does not speak HTTP as it should"
    return f"the exchange failed: {_plain(error)}"


def _plain(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.strerror or type(error).__name__
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return os.strerror(error.errno or 0)
    return type(error).__name__
