"""Errors that the National Weather Service reports."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.fakes import KIEL
from tests.support.virtual_time import EPOCH
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.providers.nws.client import parse_nws

HINT = " (set nws.contact: the service requires clients to identify themselves)"


@pytest.mark.parametrize(
    ("status", "document", "reason", "failure"),
    [
        (404, {"title": "Not Found", "detail": "no such\nstation"}, "404: no such station", Failure.REJECTED),
        (400, {"title": "Bad Request"}, "400: Bad Request", Failure.REJECTED),
        (400, {"title": "Bad Request", "detail": ""}, "400: Bad Request", Failure.REJECTED),
        (400, {"title": 5, "detail": None}, "the service responded with status 400", Failure.REJECTED),
        (400, [], "the service responded with status 400", Failure.REJECTED),
        (403, b"<html>Access Denied", "the service responded with status 403" + HINT, Failure.DENIED),
        (403, {"detail": "Forbidden"}, "403: Forbidden" + HINT, Failure.DENIED),
        (500, {"detail": "An unexpected problem"}, "500: An unexpected problem", Failure.BROKEN),
        (502, b"<html>", "the service responded with status 502", Failure.UNAVAILABLE),
        (200, b"<html>", "the response is an HTML page", Failure.MALFORMED),
        (200, b"", "the response is empty", Failure.MALFORMED),
        *(
            (404, {"type": kind}, "the place is outside the area of the National Weather Service", Failure.REJECTED)
            for kind in ("https://api.weather.gov/problems/InvalidPoint", "urn:noaa:nws:api:InvalidPoint")
        ),
    ],
)
def test_the_reason_of_an_error(status: int, document: Any, reason: str, failure: Failure) -> None:
    """The reason is the detail of the problem, else its title; a proxy's HTML page is not used."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(ProviderError) as caught:
        parse_nws(KIEL, Response(status, body), EPOCH)
    assert (str(caught.value), caught.value.failure) == (reason, failure)


@pytest.mark.parametrize("status", [403, 429, 503])
def test_an_error_may_have_a_duration(status: int) -> None:
    """``Retry-After`` is in the error."""
    with pytest.raises(ProviderError) as caught:
        parse_nws(KIEL, Response(status, b"", {"Retry-After": "5"}), EPOCH)
    assert caught.value.retry_after == 5
