"""The circuit breaker of a provider: it applies the state machine and rejects requests during a pause."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from weatherd.errors import Failure, ProviderError
from weatherd.quota.breaker_state import (
    HEALTHY,
    PauseRequested,
    Phase,
    ProbeAbandoned,
    RequestFailed,
    RequestSent,
    RequestSucceeded,
    step,
)
from weatherd.quota.pause_log import log_pause, log_resumption

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from weatherd.quota.breaker_state import BreakerEvent
    from weatherd.quota.usage import UsageMeter

_SERIALIZED_SECONDS = 3600.0  # how long requests are sent one at a time after a pause for too many at once


class Pause(NamedTuple):
    """A pause of a provider: until when (POSIX time), and the reason."""

    until: float
    reason: str


class CircuitBreaker:
    """Pauses all requests to a provider that is unavailable, rate limiting or denying access.

    Only the boot clock counts, so that a change of the system time neither extends nor repeats a pause, and a suspend
    of the machine does not extend it. Wall-clock times are derived from it only for display and for the saved state.
    """

    def __init__(
        self,
        meter: UsageMeter,
        now: Callable[[], datetime],
        on_change: Callable[[], None],
        boot: Callable[[], float],
    ) -> None:
        self._meter = meter
        self._now = now
        self._boot = boot
        self._on_change = on_change  # called when the meter has unsaved changes
        self._state = HEALTHY
        self._probe_ended = asyncio.Event()
        self._serialized_until = 0.0
        self._retry_spacing = 1.0  # seconds between the times at which rejected callers retry
        self._rejected = 0  # calls rejected since the latest pause began
        self._seen_closed_until = 0.0  # the meter's ``closed_until`` at the latest check

    def set_planned_rate(self, rate: float) -> None:
        """Spread the retries after a pause over time, at twice the planned *rate* (calls per second)."""
        self._retry_spacing = 1 / (2 * rate)

    @property
    def is_closed(self) -> bool:
        """Whether requests are sent normally."""
        return self._state.phase is Phase.CLOSED

    @property
    def is_probing(self) -> bool:
        """Whether a probe is in flight."""
        return self._state.phase is Phase.HALF_OPEN

    @property
    def pause(self) -> Pause | None:
        """The current pause, or None."""
        if self.is_closed:
            return None
        remaining = self._state.until - self._boot()
        return Pause(self._now().timestamp() + remaining, str(self._state.cause))

    def is_serialized(self) -> bool:
        """Return whether requests have to be sent one at a time."""
        return self._serialized_until > 0 and self._boot() < self._serialized_until

    def check(self, weight: int) -> None:
        """Raise ProviderError (PAUSED) with a retry time if the provider is paused."""
        if self._meter.closed_until > self._seen_closed_until:
            self._adopt_saved_pause()
        state = self._state
        if state.phase is Phase.OPEN and self._boot() < state.until:
            reason = f"{self._meter.provider} is paused: {state.cause}"
            raise self._with_retry_time(ProviderError(reason, Failure.PAUSED), weight)

    def request_sent(self) -> bool:
        """Record that a request is about to be sent; return whether it is the probe."""
        self._apply(RequestSent())
        if self.is_probing:
            self._probe_ended.clear()
        return self.is_probing

    def request_succeeded(self, *, is_probe: bool) -> None:
        """Record a response."""
        if self._state is not HEALTHY:
            self._apply(RequestSucceeded(is_probe))

    def request_failed(self, error: ProviderError, weight: int, *, is_probe: bool) -> ProviderError:
        """Record a failure; return the error to raise, which has a retry time if the provider is paused."""
        self._apply(RequestFailed(error, weight, is_probe))
        return error if self.is_closed else self._with_retry_time(error, weight)

    def probe_ended(self) -> None:
        """Wake the requests that wait for the probe. If it had no result, the first of them becomes the probe."""
        self._apply(ProbeAbandoned())
        self._probe_ended.set()

    async def wait_for_probe(self) -> None:
        """Wait until the probe in flight has ended."""
        await self._probe_ended.wait()

    def request_pause(self, seconds: float, cause: ProviderError) -> None:
        """Pause the provider for a reason other than a response."""
        self._apply(PauseRequested(seconds, cause))

    def _adopt_saved_pause(self) -> None:
        """Honour a rate limit that the service reported to an earlier run or another process with this state folder.

        During a pause it is only marked as seen, because the probe at the end of that pause is more recent. So each
        ``closed_until`` causes at most one pause, also when the system time is set back before it.
        """
        self._seen_closed_until = self._meter.closed_until
        seconds = self._meter.closed_until - self._now().timestamp()
        if self.is_closed and seconds > 0:
            self.request_pause(seconds, ProviderError("the service asked an earlier run to wait", Failure.RATE_LIMITED))

    def _with_retry_time(self, error: ProviderError, weight: int) -> ProviderError:
        """Return a copy of *error* whose ``retry_after`` is later than that of the previous caller.

        So callers that were rejected together do not retry together: after a pause of 60 s with a spacing of 1 s they
        retry after 60, 61, 62, ... s.
        """
        remaining = max(0.0, self._state.until - self._boot())
        retry_after = remaining + self._rejected * self._retry_spacing
        self._rejected += weight
        return ProviderError(str(error), error.failure, retry_after=retry_after, retry_spacing=self._retry_spacing)

    def _apply(self, event: BreakerEvent) -> None:
        now = self._boot()
        before, self._state = self._state, step(self._state, event, now)
        if self._state.cause and self._state.consecutive_pauses > before.consecutive_pauses:
            self._begin_pause(before.cause, self._state.cause, self._state.until - now)
        elif before.consecutive_pauses and self.is_closed:
            log_resumption(self._meter.provider, now - before.since)

    def _begin_pause(self, cause_before: ProviderError | None, cause: ProviderError, seconds: float) -> None:
        self._rejected = 0
        until = self._now() + timedelta(seconds=seconds)
        self._meter.bucket.drain(until.timestamp())
        if cause.failure is Failure.CONCURRENCY_LIMITED:
            self._serialized_until = self._state.until + _SERIALIZED_SECONDS
        if cause.failure in (Failure.RATE_LIMITED, Failure.CONCURRENCY_LIMITED):
            self._meter.closed_until = until.timestamp()
        self._on_change()
        log_pause(self._meter.provider, cause_before, cause, seconds, until)
