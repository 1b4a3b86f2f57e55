"""Tables of errors: what a service's statuses and words mean, and what an operator can do."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.errors import Failure, ProviderError
from weatherd.http.response import parse_json, server_time
from weatherd.providers.service_errors import error_from_response, error_from_text
from weatherd.quota.windows import CLOCK_TOLERANCE, window_end

if TYPE_CHECKING:
    from datetime import datetime

    from weatherd.http.response import Response


class ErrorRow(NamedTuple):
    """A row of a table: what an error with *status* (0: any) and *words* in its text means."""

    status: int = 0
    words: str = ""
    body_words: bytes = b""  # in the body
    failure: Failure | None = None  # None: as usual for the status
    text: str = ""  # replaces the service's own text and pause
    hint: str = ""  # what to do, in brackets after the text
    window: str = ""  # of the quota: the service accepts requests again when it ends, unless it says when
    min_pause: float = 0.0  # seconds without requests, at least

    def matches(self, status: int, text: str, body: bytes) -> bool:
        """Return whether the row is about an error."""
        return self.status in (0, status) and self.words in text and self.body_words in body


@dataclass(frozen=True, slots=True)
class ErrorTable:
    """How a service reports errors: *reasons* are the names under which its JSON has a text, the best one first.

    Without names, the body is plain text. The first row that matches an error counts. An error without a row means what
    its status usually does.
    """

    reasons: tuple[str, ...]
    rows: tuple[ErrorRow, ...] = ()

    def parse_json(self, response: Response, now: datetime) -> Any:
        """Return the JSON in a response. Raises ProviderError, with what the service reports, if it is an error."""
        if response.status != HTTPStatus.OK:
            raise self.explain(response, response.status, now)
        return parse_json(response.body)

    def explain(self, response: Response, status: int, now: datetime) -> ProviderError:
        """Return the error in a response as *status* and the rows classify it."""
        if self.reasons:
            error = error_from_response(response, status, now, *self.reasons)
        else:
            error = error_from_text(response, status, now)
        text = str(error)
        row = next((row for row in self.rows if row.matches(status, text, response.body)), None)
        if row is None:
            return error
        pause = None if row.text else error.retry_after
        if row.window and pause is None:
            there = server_time(response.headers, now).timestamp()
            pause = window_end(row.window, there) + CLOCK_TOLERANCE - there
        if row.min_pause:
            pause = max(pause or 0.0, row.min_pause)
        text = row.text or (f"{text} ({row.hint})" if row.hint else text)
        return ProviderError(text, row.failure or error.failure, retry_after=pause)
