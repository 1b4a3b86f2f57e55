"""The gate: every request to a service passes it. It keeps to the plan, and leaves a service alone that wants that."""

from __future__ import annotations

import asyncio
import contextvars
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import structlog

from weatherd.errors import Failure, ProviderError
from weatherd.formatting import rfc3339
from weatherd.quota.cooldown import OUTAGE_FAILURES, failure_weight, pause_seconds
from weatherd.quota.plans import WINDOW_LABEL
from weatherd.quota.usage import CLOCK_TOLERANCE, window_end

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from weatherd.quota.usage import UsageMeter

log = structlog.get_logger()

_T = TypeVar("_T")

_HOUR = 3600.0


class Pause(NamedTuple):
    """A pause of a provider: until when (POSIX time), and the reason."""

    until: float
    reason: str


class RateLimiter:
    """Lets requests through when the plan has room for them, so many at once.

    What it refuses it refuses at once, with a ProviderError (PAUSED) whose ``retry_after`` says when to come back.
    These times lie apart, so that a service that is back is not stormed; and the first to come then is the only one
    until its answer has told whether the service is well.
    """

    def __init__(
        self, meter: UsageMeter, concurrency: int, now: Callable[[], datetime], changed: Callable[[], None]
    ) -> None:
        self._meter = meter
        self._now = now
        self._changed = changed  # called when the meter has something to be saved
        self._line = asyncio.Lock()  # first come, first served
        self._in_line = 0
        self._places = asyncio.Semaphore(concurrency)
        self._alone = asyncio.Lock()
        self._crowded_until = 0.0  # requests go one by one until then
        self._gap = 1.0  # seconds between those that come back after a pause
        self._failures = 0  # requests in a row
        self._consecutive_pauses = 0  # pauses in a row
        self._until: float | None = None  # the loop's time; None while there is no pause
        self._since = 0.0
        self._honoured = 0.0  # the POSIX time until which the service was left alone before it served again
        self._why: ProviderError | None = None
        self._refused = 0  # in this pause
        self._probe: asyncio.Event | None = None  # set when the one that tries the service has its answer

    def set_planned_rate(self, rate: float) -> None:
        """Say how many calls a second are planned: after a pause they come back at twice that rate."""
        self._gap = 1 / (2 * rate)

    def usage(self) -> dict[str, tuple[float, int]]:
        """Return for each window of the plan how many calls are used of how many."""
        return self._meter.usage(self._time())

    @property
    def pause(self) -> Pause | None:
        """Until when (POSIX time) the service is left alone, and why; None when it is not."""
        if self._until is None or self._why is None:
            return None
        return Pause(self._time() + self._until - asyncio.get_running_loop().time(), str(self._why))

    def batch_limit(self, limit: int) -> int:
        """Return how many calls one request may weigh now, from 1 to *limit*."""
        if self._until is not None:
            return 1
        return max(1, int(min(limit, self._meter.calls_left(self._time()))))

    async def run(self, ask: Callable[[], Awaitable[_T]], weight: int = 1) -> _T:
        """Wait for the turn of a request that weighs so many calls; *ask* makes it and understands the answer.

        A ProviderError that it raises tells how the service is.
        """
        self._reopen_as_left()
        self._refuse_in_pause(weight)
        await self._places.acquire()
        try:
            if not self._is_crowded():
                return await self._send(ask, weight)
            async with self._alone:
                return await self._send(ask, weight)
        finally:
            self._places.release()

    async def _send(self, ask: Callable[[], Awaitable[_T]], weight: int) -> _T:
        now = self._time()
        probe = None
        if self._in_line or self._until is not None or self._meter.pace_delay(weight, now):
            probe = await self._pass(weight)
            now = self._time()
        else:
            self._meter.take_pace(weight, now)
        try:
            self._charge(weight, now)
            answer = await ask()
        except ProviderError as error:
            raise self._learn(error, weight, is_probe=bool(probe)) from None
        else:
            self._served(is_probe=bool(probe))
            return answer
        finally:
            if probe:
                self._probe = None
                probe.set()

    async def _pass(self, weight: int) -> asyncio.Event | None:
        """Return when the pace allows it; after a pause as the one that tries the service, or when that one has.

        The pace comes last: what has had its turn is sent at once, and not in a heap after a wait for something else.
        """
        self._in_line += 1
        try:
            async with self._line:
                return await self._have_turn(weight)
        finally:
            self._in_line -= 1

    async def _have_turn(self, weight: int) -> asyncio.Event | None:
        while True:
            self._refuse_in_pause(weight)
            now = self._time()
            if self._until is not None and self._probe:
                await self._probe.wait()
            elif wait := self._meter.pace_delay(weight, now):
                await asyncio.sleep(wait)  # and see what has become of the service meanwhile
            else:
                break
        self._meter.take_pace(weight, now)
        if self._until is None:
            return None
        self._probe = asyncio.Event()
        return self._probe

    def _charge(self, weight: int, now: float) -> None:
        if window := self._meter.exhausted_window(weight, now):
            limit = self._meter.plan.limits[window]
            error = ProviderError(f"the {limit:,} calls {WINDOW_LABEL[window]} of its plan are used up", Failure.PAUSED)
            self._pause(window_end(window, now - CLOCK_TOLERANCE) + CLOCK_TOLERANCE - now, error)
            raise error
        self._meter.charge(weight, now)
        self._changed()

    def _served(self, *, is_probe: bool) -> None:
        if self._until is not None and not is_probe:
            return  # an answer to what was asked before the pause
        self._failures = self._consecutive_pauses = 0
        if self._until is not None:
            self._honoured = self._meter.closed_until
            seconds = round(asyncio.get_running_loop().time() - self._since, 3)
            _tell(log.info, "provider.resumed", provider=self._meter.provider, seconds=seconds)
        self._until = self._why = None

    def _learn(self, error: ProviderError, weight: int, *, is_probe: bool) -> ProviderError:
        """Draw the conclusions for the whole service, and return the error for the one who asked."""
        if error.failure is Failure.PAUSED or (self._until is not None and not is_probe):
            return self._refusal(error, weight)  # the latter is an answer to what was asked before the pause
        failures = failure_weight(error, weight)
        self._failures = self._failures + failures if failures else 0
        seconds = pause_seconds(error, self._failures, self._consecutive_pauses)
        if seconds is not None:
            self._pause(seconds, error)
            return self._refusal(error, weight)
        if not failures:
            self._served(is_probe=is_probe)
        return error

    def _pause(self, seconds: float, error: ProviderError) -> None:
        loop_time, until = asyncio.get_running_loop().time(), self._time() + seconds
        is_news = self._why is None or _kind(self._why) is not _kind(error)
        if self._until is None:
            self._since = loop_time
        self._until, self._why, self._refused = loop_time + seconds, error, 0
        self._consecutive_pauses += 1
        self._meter.drain_burst(until)
        if error.failure is Failure.CROWDED:
            self._crowded_until = self._until + _HOUR
        if error.failure in (Failure.LIMITED, Failure.CROWDED):
            self._meter.closed_until = until
            self._changed()
        loud = log.error if error.failure is Failure.DENIED else log.warning
        _tell(
            loud if is_news else log.debug,
            "provider.paused" if is_news else "provider.still_paused",
            provider=self._meter.provider,
            reason=str(error),
            seconds=round(seconds, 3),
            until=rfc3339(datetime.fromtimestamp(until, UTC)),
            **({"action": self._action()} if error.failure is Failure.DENIED else {}),
        )

    def _action(self) -> str:
        block = self._meter.provider.replace("-", "_")
        return f"check key, plan and contact in the block {block}, then restart; it is tried again in any case"

    def _refuse_in_pause(self, weight: int) -> None:
        if self._until is not None and asyncio.get_running_loop().time() < self._until and self._why:
            reason = f"{self._meter.provider} is left alone for now: {self._why}"
            raise self._refusal(ProviderError(reason, Failure.PAUSED), weight)

    def _refusal(self, error: ProviderError, weight: int) -> ProviderError:
        """Return *error* with the time to come back, for everybody another one."""
        left = max(0.0, (self._until or 0.0) - asyncio.get_running_loop().time())
        retry_after = left + self._refused * self._gap
        self._refused += weight
        return ProviderError(str(error), error.failure, retry_after=retry_after, spacing=self._gap)

    def _reopen_as_left(self) -> None:
        """Keep to what the service said to an earlier run."""
        if self._until is not None or self._meter.closed_until <= self._honoured:
            return
        if (seconds := self._meter.closed_until - self._time()) > 0:
            self._pause(seconds, ProviderError("it refused before the restart, and said until when", Failure.LIMITED))

    def _is_crowded(self) -> bool:
        return self._crowded_until > 0 and asyncio.get_running_loop().time() < self._crowded_until

    def _time(self) -> float:
        return self._now().timestamp()


def _tell(tell: Callable[..., Any], event: str, **facts: Any) -> None:
    """Log what is no affair of the city that happened to ask, and so without its name."""
    contextvars.Context().run(tell, event, **facts)


def _kind(error: ProviderError) -> Failure:
    return Failure.UNAVAILABLE if error.failure in OUTAGE_FAILURES else error.failure
