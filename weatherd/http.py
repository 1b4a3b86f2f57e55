"""The one place that speaks HTTP as a client: deadlines, a size cap, and foreign exceptions translated once."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import json
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp

from weatherd.errors import Failure, ProviderError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

MOST_BYTES = 1024 * 1024
DEADLINE = 30.0  # seconds for a whole exchange, from the connection to the last byte
_REDIRECTS = 5

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
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # one deadline, below
        headers={"User-Agent": agent},
    ) as session:
        yield session


async def get(session: Session, url: str, params: Mapping[str, str], *, deadline: float = DEADLINE) -> Answer:
    """Ask once and read the whole answer, of whatever status.

    Raises ProviderError when there is no whole answer within *deadline* seconds or it is over 1 MiB. The error never
    holds the address, because a key may be part of it.
    """
    with _translated(deadline):
        async with (
            asyncio.timeout(deadline),
            session.get(url, params=params, max_redirects=_REDIRECTS) as response,
        ):
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
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        kind = "an HTML page" if body.lstrip()[:1] == b"<" else "not JSON"
        raise ProviderError(f"the answer is {kind}", Failure.MALFORMED) from None


def failure_of(status: int) -> Failure:
    """Say what a status other than 200 means for the next request."""
    match status:
        case 401 | 403:
            return Failure.DENIED
        case 429:
            return Failure.LIMITED
        case _ if 400 <= status < 500:  # noqa: PLR2004
            return Failure.REFUSED
    return Failure.UNAVAILABLE


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` asks for, in either of its forms; see RFC 9110 §10.2.3."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), 86400.0 * 31)
    with contextlib.suppress(ValueError, OverflowError):
        moment = email.utils.parsedate_to_datetime(value)
        return max(0.0, (moment.astimezone(UTC) - now).total_seconds())
    return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@contextlib.contextmanager
def _translated(deadline: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        reason = f"no whole answer within {deadline:g} s"
    except aiohttp.TooManyRedirects:
        reason = "the service redirects in a circle"
    except aiohttp.ClientConnectorDNSError as error:
        reason = f"the name {error.host} cannot be resolved"
    except aiohttp.ClientConnectorError as error:
        reason = f"no connection to {error.host}:{error.port}: {_plain(error.os_error)}"
    except aiohttp.ClientPayloadError:
        reason = "the answer broke off"
    except aiohttp.ServerDisconnectedError:
        reason = "the service hung up without an answer"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        reason = f"the exchange failed: {_plain(error)}"
    else:
        return
    raise ProviderError(reason, Failure.UNAVAILABLE)


def _plain(error: BaseException) -> str:
    """Describe an error without its text, which may quote the address and with it a key."""
    if isinstance(error, socket.gaierror | OSError) and error.strerror and "://" not in error.strerror:
        return error.strerror
    return type(error).__name__
