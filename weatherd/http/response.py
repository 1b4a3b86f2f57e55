"""Responses: their bodies as JSON, and what their statuses and ``Retry-After`` mean."""

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

_MAX_WAIT = 86400.0  # seconds that a service can make us wait; after that it may ask again


class Response(NamedTuple):
    """A whole response."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


def parse_json(body: bytes) -> Any:
    """Parse JSON. Raises ProviderError for anything else, NaN and Infinity included."""
    if not body.strip():
        raise ProviderError("the response is empty", Failure.MALFORMED)
    try:
        return orjson.loads(body)
    except ValueError:
        return _parse_leniently(body)


def _parse_leniently(body: bytes) -> Any:
    """Parse JSON that orjson rejects although it is usable: with half a surrogate pair in a text, for example."""
    try:
        return json.loads(body, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        kind = "an HTML page" if body.lstrip()[:1] == b"<" else "not JSON"
        raise ProviderError(f"the response is {kind}", Failure.MALFORMED) from None


def _reject_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def failure_of(status: int) -> Failure:
    """Return what a status other than 200 means for the next request."""
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
    """Return the seconds that ``Retry-After`` asks for, in either form of RFC 9110 §10.2.3; at most a day."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _MAX_WAIT)
    try:
        moment = email.utils.parsedate_to_datetime(value)
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), _MAX_WAIT)
