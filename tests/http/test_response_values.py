"""Translation of errors, parsing of bodies, and the meaning of statuses and ``Retry-After``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import traceback
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from tests.support.virtual_time import EPOCH
from weatherd.errors import Failure, ProviderError
from weatherd.http.connections import Attempt
from weatherd.http.errors import foreign_errors, translate
from weatherd.http.response import failure_of, parse_json, retry_after
from weatherd.http.trace import RequestTrace

KEY = "0123456789abcdef"
DAY = 86400.0
KEY_OF_CONNECTION: Any = SimpleNamespace(host="weather.example", port=443, ssl=True, is_ssl=True)
_HEADERS = CIMultiDictProxy(CIMultiDict[str]())
REQUEST = aiohttp.RequestInfo(URL(f"http://x/?appid={KEY}"), "GET", _HEADERS)
UNTRUSTED = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (aiohttp.InvalidURL(f"http://x/?appid={KEY}"), "the address of the service is not a web address"),
        (aiohttp.ClientOSError(104, f"appid={KEY}"), "the request failed: Connection reset by peer"),
        (aiohttp.ClientOSError(None, f"appid={KEY}"), "the request failed: ClientOSError"),
        (aiohttp.ClientConnectionResetError(f"appid={KEY}"), "the request failed: ClientConnectionResetError"),
        (aiohttp.ServerDisconnectedError(f"appid={KEY}"), "the service closed the connection without a response"),
        (aiohttp.ClientPayloadError(f"appid={KEY}"), "the response was cut off"),
        (
            aiohttp.ClientResponseError(REQUEST, (), status=400, message=f"appid={KEY}"),
            "the service does not speak HTTP correctly",
        ),
        (aiohttp.ServerTimeoutError(f"appid={KEY}"), "no complete response within 30 s"),
        (UnicodeError(f"appid={KEY}"), "the address of the service is not a web address"),
        (ValueError(f"appid={KEY}"), "the request failed: ValueError"),
        (ssl.SSLError(1, "wrong version number"), "the request failed: wrong version number"),
        (
            aiohttp.ClientConnectorCertificateError(KEY_OF_CONNECTION, UNTRUSTED),
            "the certificate of weather.example is not trusted: certificate verify failed: self-signed certificate",
        ),
        (
            aiohttp.ClientConnectorCertificateError(KEY_OF_CONNECTION, ValueError(KEY)),
            "the certificate of weather.example is not trusted: ValueError",
        ),
        (
            aiohttp.ClientConnectorSSLError(KEY_OF_CONNECTION, ssl.SSLError(1, "wrong version number")),
            "no connection to weather.example:443: wrong version number",
        ),
        (
            aiohttp.ClientConnectorError(KEY_OF_CONNECTION, OSError(113, f"appid={KEY}")),
            "no connection to weather.example:443: No route to host",
        ),
    ],
)
def test_every_foreign_error_is_translated(error: Exception, reason: str) -> None:
    """Each error of aiohttp, ssl and the system has a message that does not quote the original."""
    assert isinstance(error, foreign_errors())
    ours = translate(error, Attempt(RequestTrace("weather.example", lambda: 0.0), 30))
    assert KEY not in "".join(traceback.format_exception(ours))
    assert (str(ours), ours.failure) == (
        reason,
        Failure.BROKEN
        if reason in ("the response was cut off", "no complete response within 30 s")
        else Failure.UNAVAILABLE,
    )


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), RuntimeError("a bug")])
def test_other_exceptions_are_not_translated(error: BaseException) -> None:
    """A cancellation and a bug are passed on."""
    assert not isinstance(error, foreign_errors())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the response is empty"),
        (b" \r\n\t", "the response is empty"),
        (b"<html><h1>502</h1></html>", "the response is an HTML page"),
        (b"  <!DOCTYPE html>", "the response is an HTML page"),
        (b"500 Internal error: 500001", "the response is not JSON"),
        (b'{"latitude":nano}', "the response is not JSON"),
        (b'{"latitude":1nan}', "the response is not JSON"),
        (b"{nan:1}", "the response is not JSON"),
        (b'{"latitude":nan', "the response is not JSON"),
        (b'["' + b'\\"' * 500_000, "the response is not JSON"),
        (b'"' * 1_000_001, "the response is not JSON"),
        (b'["nan\\', "the response is not JSON"),
        (b'{"a":1}Unexpected error while streaming data: x', "the response is not JSON"),
        (b'{"a":1', "the response is not JSON"),
        (b'{"a":"\n"}', "the response is not JSON"),
        (b'{"a":"\xff\xfe"}', "the response is not JSON"),
        (b"\xff\xff\xff", "the response is not JSON"),
        (b"[" * 500_000, "the response is not JSON"),
        (b'{"a":' * 100_000, "the response is not JSON"),
        (b"9" * 5000, "the response is not JSON"),
    ],
)
def test_invalid_json_is_malformed(body: bytes, reason: str) -> None:
    """Each kind of invalid JSON, including very deep nesting, is a malformed response."""
    with pytest.raises(ProviderError) as caught:
        parse_json(body)
    assert (str(caught.value), caught.value.failure) == (reason, Failure.MALFORMED)


@pytest.mark.parametrize(
    "number", ["nan", "-nan", "NaN", "-NaN", "NAN", "inf", "-inf", "Infinity", "-Infinity", "+inf"]
)
def test_numbers_that_are_not_finite_are_null(number: str) -> None:
    """A service that writes one beside good values loses only that value; texts are unchanged."""
    text = f'{{"latitude":{number}, "a": [ {number},{number}\n], "nan": "is -nan, \\"{number}\\" \\\\", "t": 6.2}}'
    expected = {"latitude": None, "a": [None, None], "nan": f'is -nan, "{number}" \\', "t": 6.2}
    assert parse_json(text.encode()) == expected
    assert parse_json(b"\xef\xbb\xbf" + text.encode()) == expected
    assert parse_json(number.encode()) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_valid_json_is_parsed(value: Any) -> None:
    """Every JSON value is parsed unchanged, also after a byte order mark."""
    text = json.dumps(value).encode()
    assert parse_json(text) == parse_json(b"\xef\xbb\xbf" + text) == value


@given(st.binary(max_size=300))
def test_any_bytes_are_json_or_malformed(body: bytes) -> None:
    """Nothing but ProviderError is ever raised."""
    with contextlib.suppress(ProviderError):
        parse_json(body)


FAILURES = {
    **dict.fromkeys((401, 402, 403, 407), Failure.DENIED),
    429: Failure.RATE_LIMITED,
    500: Failure.BROKEN,
    **dict.fromkeys((400, 404, 405, 413, 414, 422, 499), Failure.REJECTED),
    **dict.fromkeys((201, 204, 304, 408, 425, 502, 503, 504, 599), Failure.UNAVAILABLE),
}


@pytest.mark.parametrize(("status", "failure"), FAILURES.items())
def test_each_status_has_a_failure(status: int, failure: Failure) -> None:
    """The status determines the kind of failure."""
    assert failure_of(status) is failure


@given(st.integers(0, 86400 * 365))
def test_retry_after_accepts_seconds_and_dates(seconds: int) -> None:
    """Both forms of RFC 9110 give the same delay, at most a day."""
    date = format_datetime(EPOCH + timedelta(seconds=seconds), usegmt=True)
    assert retry_after({"Retry-After": str(seconds)}, EPOCH) == min(seconds, DAY)
    assert retry_after({"Retry-After": f" {date} "}, EPOCH) == min(seconds, DAY)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("9" * 5000, DAY),
        ("Thu, 01 Jan 2026 00:02:00 GMT", 120.0),
        ("Thursday, 01-Jan-26 00:02:00 GMT", 120.0),
        ("Thu Jan  1 00:02:00 2026", 120.0),
        ("Thu, 01 Jan 2026 00:02:00 -0000", 120.0),
        ("Thu, 01 Jan 2026 01:02:00 +0100", 120.0),
        ("Wed, 31 Dec 2025 23:59:00 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
        ("Fri, 31 Dec 9999 23:59:59 -2359", DAY),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("Thu, 01 Jan 2026 00:02:00 +9999", None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("\u0663", None),
        ("\u00b2", None),
        ("soon", None),
        ("Thu, 41 Jan 2026 00:02:00 GMT", None),
        ("120, 60", None),
    ],
)
def test_retry_after_is_bounded(value: str, seconds: float | None) -> None:
    """A time in the past is no delay, the far future is a day, and invalid text is ignored."""
    assert retry_after({"Retry-After": value}, EPOCH) == seconds


@given(st.text() | st.text("0123456789 ,:+-GMTJanSu", max_size=40), st.datetimes())
def test_retry_after_never_fails(value: str, now: datetime) -> None:
    """For any header at any time, the delay is between 0 and a day, or unknown."""
    seconds = retry_after({"Retry-After": value}, now.replace(tzinfo=UTC))
    assert seconds is None or 0 <= seconds <= DAY


def test_retry_after_may_be_missing() -> None:
    """Without the header there is no delay; the time zone of the clock does not matter."""
    assert retry_after({}, EPOCH) is None
    there = EPOCH.astimezone(timezone(timedelta(hours=9)))
    assert retry_after({"Retry-After": "Thu, 01 Jan 2026 00:02:00 GMT"}, there) == 120
