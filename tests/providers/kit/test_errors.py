"""Tables of errors: the first row that matches decides what an error means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.virtual_time import EPOCH
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.providers.kit.errors import ErrorRow, ErrorTable

TABLE = ErrorTable(
    ("reason", "title"),
    (
        ErrorRow(404, body_words=b"OutOfArea", failure=Failure.REJECTED, text="the place is outside"),
        ErrorRow(words="API key", failure=Failure.DENIED, hint="set the key"),
        ErrorRow(429, "Hourly", window="hour"),
        ErrorRow(429, min_pause=90.0),
    ),
)


def explain(status: int, body: Any, headers: dict[str, str] | None = None) -> tuple[str, Failure, float | None]:
    """Return the parts of the error in a response."""
    with pytest.raises(ProviderError) as caught:
        TABLE.parse_json(Response(status, json.dumps(body).encode(), headers or {}), EPOCH)
    return str(caught.value), caught.value.failure, caught.value.retry_after


def test_an_error_without_a_row_means_what_its_status_means() -> None:
    """The first text of the body is the reason."""
    assert explain(404, {"title": "no", "reason": ""}) == ("404: no", Failure.REJECTED, None)
    assert explain(503, [], {"Retry-After": "7"}) == ("the service responded with status 503", Failure.UNAVAILABLE, 7.0)


def test_a_row_replaces_the_failure_and_the_text() -> None:
    """Words in the body or in the text choose the row; a hint follows the service's own text."""
    assert explain(404, {"type": "x/OutOfArea"}) == ("the place is outside", Failure.REJECTED, None)
    assert explain(400, {"reason": "No API key"}) == ("400: No API key (set the key)", Failure.DENIED, None)


def test_a_row_states_the_pause() -> None:
    """A pause lasts until the end of the quota window or at least some time; what the service requests counts first."""
    text = "429: Hourly limit"
    assert explain(429, {"reason": "Hourly limit"}) == (text, Failure.RATE_LIMITED, 3605.0 - EPOCH.timestamp() % 3600)
    assert explain(429, {"reason": "Hourly limit"}, {"Retry-After": "3"}) == (text, Failure.RATE_LIMITED, 3.0)
    assert explain(429, {})[2] == 90.0
    assert explain(429, {}, {"Retry-After": "100"})[2] == 100.0


def test_a_body_may_be_plain_text() -> None:
    """A page of a proxy is no reason."""
    table = ErrorTable((), (ErrorRow(499, failure=Failure.UNAVAILABLE),))
    for body, text in ((b"Slow down\n", "499: Slow down"), (b" <html>", "the service responded with status 499")):
        error = table.explain(Response(499, body, {"Retry-After": "9"}), 499, EPOCH)
        assert (str(error), error.failure, error.retry_after) == (text, Failure.UNAVAILABLE, 9.0)


def test_a_good_response_is_parsed() -> None:
    """Status 200 has the JSON of the body."""
    assert TABLE.parse_json(Response(200, b'{"a": [1]}'), EPOCH) == {"a": [1]}
