"""The outages of a destination: two log lines for each, and the delay before the next attempt.

The observations that it rejects are logged here, too: one line for all of a backlog.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import WeatherdError, describe

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

log = structlog.get_logger()

DELIVERY_TIMEOUT = 30.0  # seconds for the delivery of a batch, and for a connection
_MAX_RETRY_DELAY = 60.0  # seconds
_SKIP_LOG_PERIOD = 60.0  # seconds between two lines about the skipped observations of a long backlog


class Outage:
    """The failures in a row of a destination."""

    def __init__(self, forwarder: str, random: random.Random) -> None:
        self.is_down = False
        self.failures = 0
        self._forwarder = forwarder
        self._random = random
        self._since = 0.0
        self._retry_after = 0.0  # seconds; the delay that the destination requested

    def report_failure(self, error: Exception, behind: int) -> None:
        """Count a failure, and log the first one with the number of entries *behind*."""
        self.count_failure(error)
        if self.is_down:
            return
        self.is_down, self._since = True, asyncio.get_running_loop().time()
        is_bug = not isinstance(error, WeatherdError | OSError)
        log.error(
            "forwarder.down",
            forwarder=self._forwarder,
            reason=describe_failure(error),
            behind=behind,
            exc_info=error if is_bug else None,
        )

    def count_failure(self, error: Exception) -> None:
        """Count a failure for the delay before the next attempt."""
        self.failures += 1
        self._retry_after = getattr(error, "retry_after", None) or 0.0

    def report_success(self, behind: int) -> None:
        """End the outage."""
        self.reset_delay()
        if self.is_down:
            down = round(asyncio.get_running_loop().time() - self._since, 1)
            log.info("forwarder.recovered", forwarder=self._forwarder, down=down, behind=behind)
        self.is_down = False

    def reset_delay(self) -> None:
        """Begin anew with short delays."""
        self.failures, self._retry_after = 0, 0.0

    def retry_delay(self) -> float:
        """Return the seconds to wait: exponential back-off with jitter, or longer if the destination requested it."""
        backoff = min(_MAX_RETRY_DELAY, 2.0 ** min(self.failures - 1, 10)) * (1 - self._random.random() / 2)
        return max(backoff, self._retry_after)


class SkipLog:
    """The skipped observations that are not logged yet."""

    def __init__(self, forwarder: str) -> None:
        self._forwarder = forwarder
        self._count = 0
        self._example: dict[str, str] = {}  # the first of them
        self._since = 0.0  # of the first, on the loop's clock
        self._clock = asyncio.get_running_loop().time

    def add(self, count: int, first: Mapping[str, str], reason: str) -> None:
        """Remember skipped observations; *first* describes the first of them."""
        if not self._count:
            self._since = self._clock()
            self._example = {"reason": reason, **first}
        self._count += count

    def write(self, *, is_backlog: bool) -> None:
        """Log what was skipped; while there is more of the backlog, at most once a minute."""
        if not self._count or (is_backlog and self._clock() - self._since < _SKIP_LOG_PERIOD):
            return
        log.warning("forwarder.skipped", forwarder=self._forwarder, count=self._count, **self._example)
        self._count = 0


def describe_failure(error: Exception) -> str:
    """Return the reason of a failure for the log."""
    return f"no response within {DELIVERY_TIMEOUT:g} s" if isinstance(error, TimeoutError) else describe(error)
