"""What a server responded, and what it means."""

from __future__ import annotations

import email.utils
import json
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from weatherd.errors import Failure, ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_WAIT = 86400.0  # that a service can impose on us; after that it may say so again


class Response(NamedTuple):
    """What a server said, whole."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


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
            return Failure.RATE_LIMITED
        case _ if 400 <= status < 500 and status not in (408, 425):  # noqa: PLR2004 - too slow, too early: may succeed
            return Failure.REJECTED
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
