"""The token bucket of a node: a part of the plan's rate and burst."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from weatherd.errors import Failure, ProviderError
from weatherd.quota.plans import WINDOW_SECONDS
from weatherd.quota.token_bucket import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.quota.plans import Plan

LOOK_AGAIN = 0.25  # seconds until a request that lacks calls looks again
_LOWEST_SHARE = 0.25  # of the rate that a node's part has, however many nodes there are


class SharedBucket(TokenBucket):
    """A token bucket with a part of a plan's rate and burst. Without a part, or without calls, requests wait.

    What a node gains begins empty, and what it loses is gone, so that all nodes together never have more than the plan,
    whatever moves between them.
    """

    __slots__ = ("_is_short", "_part", "_plan")

    def __init__(self, plan: Plan, is_short: Callable[[float, float], bool], part: float) -> None:
        super().__init__(plan.rate, plan.burst)
        self._plan = plan
        self._is_short = is_short  # whether the node lacks calls for a weight at a time
        self._part = 0.0
        self._take_part(part)

    @property
    def heaviest(self) -> float:
        """The most calls that one request may count as: a heavier one could exceed the plan together with others."""
        return max(1.0, self.burst) if self._part or math.isinf(self.rate) else 1.0

    def delay(self, weight: float, now: float) -> float:
        """Return in how many seconds *weight* calls may be sent, or are to be looked for again; 0 for at once.

        Raises ProviderError (PAUSED) for a request that is too heavy since the part became smaller.
        """
        if not self._part and not math.isinf(self.rate):
            return LOOK_AGAIN
        if weight > self.heaviest:
            message = "this node's part of the plan became smaller than the request"
            raise ProviderError(message, Failure.PAUSED, retry_after=LOOK_AGAIN)
        return super().delay(weight, now) or (LOOK_AGAIN if self._is_short(weight, now) else 0.0)

    def set_part(self, part: float, now: float) -> None:
        """Take another part of the rate and the burst, a number from 0 to 1."""
        before = self._part
        if math.isinf(self._plan.rate):
            self._part = part
            return
        empty_at = self.full_at - self.burst / self.rate  # in the past, unless calls were taken in advance
        tokens = min(self.burst, (now - empty_at) * self.rate) if before else 0.0
        self._take_part(part)
        kept = min(max(tokens, 0.0), self.burst)
        self.full_at = max(empty_at, now) + (self.burst - kept) / self.rate

    def _take_part(self, part: float) -> None:
        self._part = part
        if part and not math.isinf(self._plan.rate):
            self.burst = self._plan.burst * part
            self.rate = _lower_rate(self._plan, part, self.burst)


def _lower_rate(plan: Plan, part: float, burst: float) -> float:
    """Return a part of the plan's rate, less what a burst below one call is exceeded by.

    A request that is heavier than the burst is sent when the bucket is full. Example: each of 16 nodes has 0.6 of a
    plan's burst of 10, and sends 1 call at once; 0.4 of it are missing in each minute.
    """
    window = max(60.0, min((WINDOW_SECONDS[name] for name in plan.limits), default=60.0))
    return max(plan.rate * part - max(0.0, 1 - burst) / window, plan.rate * part * _LOWEST_SHARE)
