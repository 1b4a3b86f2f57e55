"""The rate limiter of a provider, which keeps all requests within the plan and rejects them during a pause."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from weatherd.errors import Failure, ProviderError
from weatherd.quota.breaker import CircuitBreaker
from weatherd.quota.plans import WINDOW_LABEL
from weatherd.quota.slots import Slots
from weatherd.quota.windows import CLOCK_TOLERANCE, window_end

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from weatherd.quota.breaker import Pause
    from weatherd.quota.usage import UsageMeter

_T = TypeVar("_T")


def always_allow() -> bool:
    """Return true: a daemon that shares its list with no other may send requests at any time."""
    return True


class RateLimiter:
    """A limiter of one provider's requests: sends them in order, within plan and concurrency, never in a pause.

    During a pause a request is rejected at once with a ProviderError (PAUSED) whose ``retry_after`` is different for
    every caller, so that a service that recovers is not flooded. After a pause the first request is a probe: the others
    wait for its result.
    """

    def __init__(
        self,
        meter: UsageMeter,
        concurrency: int,
        now: Callable[[], datetime],
        on_change: Callable[[], None],
        boot: Callable[[], float],
        *,
        may_send: Callable[[], bool] = always_allow,
    ) -> None:
        self._meter = meter
        self._may_send = may_send  # asked directly before each request; false rejects it
        self._now = now
        self._on_change = on_change  # called when the meter has unsaved changes
        self._breaker = breaker = CircuitBreaker(meter, now, on_change, boot)
        self._concurrency = self._own_concurrency = concurrency  # requests in flight
        self._slots = Slots(lambda: 1 if breaker.is_serialized() else self._own_concurrency)
        self._turn = asyncio.Lock()  # fair: first come, first served
        self._waiting = 0  # requests that hold or wait for the turn

    def set_planned_rate(self, rate: float) -> None:
        """Set the planned rate in calls per second; after a pause, retries come at twice that rate."""
        self._meter.planned_rate = rate
        self._breaker.set_planned_rate(rate)

    def divide_concurrency(self, nodes: int) -> None:
        """Send only this node's part of the requests that may be in flight; *nodes* send some to the service."""
        self._own_concurrency = max(1, self._concurrency // nodes)

    def usage(self) -> dict[str, tuple[float, int]]:
        """Return the used calls and the limit for each window of the plan."""
        return self._meter.usage(self._now().timestamp())

    def spare_calls(self) -> float:
        """Return how many calls the plan leaves beside the planned polls; infinity without limits, negative if none."""
        return self._meter.spare_calls(self._now().timestamp())

    def has_room(self, weight: int) -> bool:
        """Return whether a request of *weight* calls would be sent at once, without others that wait."""
        is_idle = self._breaker.is_closed and self._slots.is_free and not self._waiting
        return is_idle and not self._meter.bucket.delay(weight, self._now().timestamp())

    @property
    def rate(self) -> float:
        """The calls per second that the plan allows in the long run; infinity without a limit."""
        return self._meter.bucket.rate

    @property
    def pause(self) -> Pause | None:
        """The current pause of the provider, or None."""
        return self._breaker.pause

    def batch_limit(self, limit: int) -> int:
        """Return the number of calls that one request may count as, from 1 to *limit*; 1 for a probe."""
        if not self._breaker.is_closed:
            return 1
        return max(1, int(min(limit, self._meter.calls_left(self._now().timestamp()))))

    async def run(self, send: Callable[[], Awaitable[_T]], weight: int = 1) -> _T:
        """Wait for a turn, then return the result of *send*, which makes one request that counts as *weight* calls.

        *send* has to parse the response too, because the circuit breaker judges the service by the ProviderError that
        it raises. Raises that error, or one with failure PAUSED if the request was not sent.
        """
        self._breaker.check(weight)
        if not self._slots.try_acquire():
            await self._slots.acquire()
        is_probe = False
        try:
            now = self._now().timestamp()
            if self._waiting or not self._breaker.is_closed or self._meter.bucket.delay(weight, now):
                is_probe = await self._wait_for_turn(weight)
                now = self._now().timestamp()
            else:
                self._meter.bucket.take(weight, now)
            if not self._may_send():
                raise ProviderError("this node of the cluster may not poll now", Failure.PAUSED)
            try:
                self._charge(weight, now)
                response = await send()
            except ProviderError as error:
                raise self._breaker.request_failed(error, weight, is_probe=is_probe) from None
            self._breaker.request_succeeded(is_probe=is_probe)
            return response
        finally:
            if is_probe:
                self._breaker.probe_ended()
            self._slots.release()

    async def _wait_for_turn(self, weight: int) -> bool:
        """Wait until the request may be sent; return whether it is the probe after a pause."""
        self._waiting += 1
        try:
            async with self._turn:
                await self._wait_for_pace(weight)
                return self._breaker.request_sent()
        finally:
            self._waiting -= 1

    async def _wait_for_pace(self, weight: int) -> None:
        """Wait for the probe, then for the rate.

        The rate comes last, so that a request is sent as soon as the rate allows it. The other way round, the requests
        that wait for a slow probe would all be sent in one burst when it ends.
        """
        while True:
            self._breaker.check(weight)
            now = self._now().timestamp()
            if self._breaker.is_probing:
                await self._breaker.wait_for_probe()
            elif delay := self._meter.bucket.delay(weight, now):
                await asyncio.sleep(delay)  # then check again: a pause may have begun meanwhile
            else:
                self._meter.bucket.take(weight, now)
                return

    def _charge(self, weight: int, now: float) -> None:
        """Count the request, or pause the provider until the end of a quota window that is used up."""
        if window := self._meter.exhausted_window(weight, now):
            limit = self._meter.plan.limits[window]
            cause = ProviderError(f"the {limit:,} calls {WINDOW_LABEL[window]} of its plan are used up", Failure.PAUSED)
            self._breaker.request_pause(window_end(window, now - CLOCK_TOLERANCE) + CLOCK_TOLERANCE - now, cause)
            raise cause
        self._meter.charge(weight, now)
        if self._meter.has_unsaved:
            self._on_change()
