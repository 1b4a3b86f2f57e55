"""Services for tests of the limiter: one whose response can be set, and one that counts the calls of a window."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.support.fakes import new_limiter
from weatherd.errors import Failure, ProviderError
from weatherd.quota.windows import window_start

if TYPE_CHECKING:
    from weatherd.quota.limiter import RateLimiter

RATE_LIMITED = ProviderError("429: too many", Failure.RATE_LIMITED)
CROWDED = ProviderError("429: too many at once", Failure.CONCURRENCY_LIMITED)
DENIED = ProviderError("401: no such key", Failure.DENIED)
REJECTED = ProviderError("404: no such place", Failure.REJECTED)

PAUSED, RESUMED = ("provider.paused", "warning"), ("provider.resumed", "info")


class FakeService:
    """A service whose response time and failure can be set; they apply to requests that arrive after that."""

    def __init__(self, limiter: RateLimiter | None = None) -> None:
        self.limiter = limiter or new_limiter()
        self.sent: list[tuple[float, int]] = []  # the time and weight of each request
        self.response_time = 0.0
        self.failure: BaseException | None = None
        self.concurrent = self.max_concurrent = 0

    async def send(self, weight: int = 1) -> None:
        """Send a request through the limiter."""
        await self.limiter.run(lambda: self._respond(weight), weight)

    async def _respond(self, weight: int) -> None:
        self.sent.append((asyncio.get_running_loop().time(), weight))
        self.concurrent += 1
        self.max_concurrent = max(self.max_concurrent, self.concurrent)
        failure = self.failure
        try:
            if self.response_time:
                await asyncio.sleep(self.response_time)
            if failure:
                raise failure.copy_for() if isinstance(failure, ProviderError) else failure
        finally:
            self.concurrent -= 1

    async def error(self, weight: int = 1) -> ProviderError | None:
        """Send a request, and return the error or None."""
        try:
            await self.send(weight)
        except ProviderError as error:
            return error
        return None

    async def errors(self, count: int) -> list[ProviderError | None]:
        """Send *count* requests at once, and return the error or None of each."""
        async with asyncio.TaskGroup() as tasks:
            requests = [tasks.create_task(self.error()) for _ in range(count)]
        return [task.result() for task in requests]

    async def retry_until_success(self, weight: int = 1) -> None:
        """Send a request, and retry it after ``retry_after`` (else 60 s) until it succeeds."""
        error = await self.error(weight)
        while error is not None:
            await asyncio.sleep(max(1.0, error.retry_after or 60.0))
            error = await self.error(weight)

    @property
    def times(self) -> list[float]:
        """The times of the requests."""
        return [time for time, _ in self.sent]


def logged_events(logs: list[Any], *, debug: bool = False) -> list[tuple[str, str]]:
    """Return the events with their levels, those of level debug only if asked for."""
    return [(log["event"], log["log_level"]) for log in logs if debug or log["log_level"] != "debug"]


class CountingService:
    """A service that counts calls in fixed windows by its own clock."""

    def __init__(self, window: str) -> None:
        self._counted: Counter[float] = Counter()
        self._window = window

    def receive(self, weight: int, now: float) -> None:
        """Count a request."""
        self._counted[window_start(self._window, now)] += weight

    @property
    def max_calls(self) -> int:
        """The highest number of calls in one window."""
        return max(self._counted.values(), default=0)


def max_calls_within(seconds: float, sent: list[tuple[float, int]]) -> int:
    """Return the highest number of calls in any interval of that length, wherever it begins."""
    return max(sum(weight for time, weight in sent if start <= time < start + seconds) for start, _ in sent)
