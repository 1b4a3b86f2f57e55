"""Responses: bodies, compressed and as JSON, and the meaning of headers and statuses."""

from __future__ import annotations

import email.utils
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from weatherd.errors import Failure, ProviderError

MAX_BYTES = 1024 * 1024  # of a decompressed response

_ENCODINGS = frozenset((b"gzip", b"deflate"))
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS  # zlib recognizes either format by its header
# A string, so that its content is not searched, or nan, -nan, NaN, inf, -inf, Infinity
_STRING_OR_NON_FINITE = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?|([-+]?(?:nan|inf(?:inity)?)\b)', re.IGNORECASE | re.DOTALL)
_MAX_WAIT = 86400.0  # seconds; limit for Retry-After, which the service may send again


class Response(NamedTuple):
    """A complete response."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


class ResponseHeaders(Mapping[str, str]):
    """Headers as they arrived, with names in lower case. They are decoded when they are read, because few are."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[bytes, bytes]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower().encode()].decode("utf-8", "surrogateescape").strip()

    def __iter__(self) -> Iterator[str]:
        return (name.decode() for name in self._fields)

    def __len__(self) -> int:
        return len(self._fields)


class StatusError(ProviderError):
    """The response to a request has an unexpected status; ``response`` is complete."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"status {response.status}", failure_of(response.status))
        self.response = response


def decode_body(body: bytes, encoding: bytes) -> bytes:
    """Return a body without its ``Content-Encoding``; one that weatherd does not accept is left for the parser.

    Raises ProviderError if it is larger than 1 MiB, and zlib.error if it is damaged or incomplete.
    """
    if body and encoding.strip().lower() in _ENCODINGS:
        decompressor = zlib.decompressobj(_GZIP_OR_ZLIB)
        body = decompressor.decompress(body, MAX_BYTES + 1)
        if not decompressor.eof and len(body) <= MAX_BYTES:
            raise zlib.error
    if len(body) > MAX_BYTES:
        raise response_too_large()
    return body


def response_too_large(limit: int = MAX_BYTES) -> ProviderError:
    """Return the error for a response of more than *limit* bytes."""
    return ProviderError(f"the response is larger than {limit / 2**20:g} MiB", Failure.MALFORMED)


def parse_json(body: bytes) -> Any:
    """Parse JSON, in which numbers that are not finite count as null. Raises ProviderError for anything else.

    Open-Meteo writes ``"latitude":-nan`` beside good values, https://github.com/open-meteo/open-meteo/issues/314.
    """
    if not body.strip():
        raise ProviderError("the response is empty", Failure.MALFORMED)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_leniently(body)


def _parse_leniently(body: bytes) -> Any:
    """Parse JSON that msgspec rejects although it is usable: with nan, or with a lone surrogate in a string."""
    try:
        return json.loads(_STRING_OR_NON_FINITE.sub(lambda found: b"null" if found[1] else found[0], body))
    except (ValueError, RecursionError):
        kind = "an HTML page" if body.lstrip()[:1] == b"<" else "not JSON"
        raise ProviderError(f"the response is {kind}", Failure.MALFORMED) from None


def failure_of(status: int) -> Failure:
    """Return the kind of failure for a status other than 200."""
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
    """Return the delay in ``Retry-After`` in seconds, at most a day; parses both forms of RFC 9110 §10.2.3."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _MAX_WAIT)
    moment = parse_http_date(value)
    delay = (moment - server_time(headers, now)).total_seconds() if moment else 0.0
    return None if moment is None else min(max(0.0, delay), _MAX_WAIT)


def server_time(headers: Mapping[str, str], now: datetime) -> datetime:
    """Return the time at which a response arrived by the server's clock: ``Date`` + ``Age``; *now* without a date."""
    date, age = parse_http_date(headers.get("Date", "")), headers.get("Age", "")
    if date is None:
        return now
    return date + timedelta(seconds=min(float(age), _MAX_WAIT) if age.isascii() and age.isdigit() else 0.0)


def parse_http_date(text: str) -> datetime | None:
    """Parse a date of a header (RFC 9110 §5.6.7), in UTC unless it has an offset; return None if it is not a date."""
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC)
    except (ValueError, OverflowError):
        return None
