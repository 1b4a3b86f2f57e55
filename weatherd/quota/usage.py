"""Calls used per quota window. Counted here, saved by ProviderState, shared by processes with the same state folder."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from weatherd.quota.plans import WINDOW_SECONDS
from weatherd.quota.token_bucket import TokenBucket
from weatherd.quota.windows import CLOCK_TOLERANCE, WindowCount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.quota.plans import Plan


USABLE_SHARE = 0.99  # of a limit, by polls and the requests beside them; the rest is for retries of polls


class WindowUsage(NamedTuple):
    """The calls used in the window that started at the POSIX time ``started``."""

    window: str
    started: float
    used: float


class ProviderUsage(NamedTuple):
    """The saved usage of one provider; ``windows`` holds new calls if it is from a meter, all calls if from disk."""

    provider: str
    windows: Sequence[WindowUsage] = ()
    bucket_full_at: float = 0.0  # POSIX time, see TokenBucket
    closed_until: float = 0.0  # POSIX time until which the service asked to wait, see CircuitBreaker


@dataclass(slots=True)
class UsageMeter:
    """The calls of one provider: counted by window, limited in rate, and saved. Times are POSIX seconds."""

    provider: str
    plan: Plan
    closed_until: float = 0.0  # the end of the latest pause that the service asked for; survives a restart
    planned_rate: float = 0.0  # calls per second of the polls
    bucket: TokenBucket = field(init=False)
    _counts: dict[str, WindowCount] = field(init=False)
    _counted_at: float = 0.0  # the counts are those of this time ...
    _next_window_at: float = 0.0  # ... and stay so until this time
    _saved_times: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        self.bucket = TokenBucket(self.plan.rate, self.plan.burst)
        # The bucket enforces limits per second
        windows = [window for window in self.plan.limits if WINDOW_SECONDS[window] >= WINDOW_SECONDS["minute"]]
        self._counts = {window: WindowCount(window) for window in windows}

    def calls_left(self, now: float) -> float:
        """Return how many calls are left in the window that has the fewest, or infinity."""
        self._begin_next_windows(now)
        return min((self.plan.limits[window] - count.used for window, count in self._counts.items()), default=math.inf)

    def spare_calls(self, now: float) -> float:
        """Return how many calls are left beside the planned ones until the end of each window; may be negative."""
        self._begin_next_windows(now)
        limits, counts, rate = self.plan.limits, self._counts.items(), self.planned_rate
        spare = (USABLE_SHARE * limits[window] - count.used - rate * (count.ends - now) for window, count in counts)
        return min(spare, default=math.inf)

    def usage(self, now: float) -> dict[str, tuple[float, int]]:
        """Return the used calls and the limit by window."""
        self._begin_next_windows(now)
        return {window: (count.used, self.plan.limits[window]) for window, count in self._counts.items()}

    def exhausted_window(self, weight: float, now: float) -> str | None:
        """Return the longest window that has fewer than *weight* calls left, or None."""
        if not self._counts:  # an unlimited plan, with which there may be thousands of requests a second
            return None
        self._begin_next_windows(now)
        limits = self.plan.limits
        exhausted = [window for window, count in self._counts.items() if count.used + weight > limits[window]]
        return max(exhausted, key=WINDOW_SECONDS.__getitem__) if exhausted else None

    def charge(self, weight: float, now: float) -> None:
        """Count *weight* calls that are about to be made."""
        if not self._counts:
            return
        self._begin_next_windows(now)
        for count in self._counts.values():
            count.charge(weight, now)

    @property
    def has_unsaved(self) -> bool:
        """Whether :meth:`take_unsaved` would return changes. With an unlimited plan, calls change nothing."""
        if self._counts and any(count.unsaved for count in self._counts.values()):
            return True
        return (self.bucket.full_at, self.closed_until) != self._saved_times

    def take_unsaved(self) -> ProviderUsage | None:
        """Return the changes since the last call, or None. The calls are to be added to the saved ones."""
        if not self.has_unsaved:
            return None
        times = (self.bucket.full_at, self.closed_until)
        counts = [count for count in self._counts.values() if count.unsaved]
        unsaved = [WindowUsage(count.window, count.started, count.unsaved) for count in counts]
        self._saved_times = times
        for count in counts:
            count.unsaved = 0.0
        return ProviderUsage(self.provider, unsaved, *times)

    def mark_unsaved(self) -> None:
        """Mark all usage as unsaved, because the file was lost."""
        self._saved_times = (0.0, 0.0)
        for count in self._counts.values():
            count.unsaved = count.used

    def restore_unsaved(self, usage: ProviderUsage) -> None:
        """Mark *usage* from ``take_unsaved`` as unsaved again after a failed save."""
        self._saved_times = (0.0, 0.0)
        for window, started, used in usage.windows:
            if (count := self._counts.get(window)) and count.started == started:
                count.unsaved += used

    def merge_saved(self, usage: ProviderUsage, now: float) -> None:
        """Merge the saved usage, which includes the calls of earlier runs and of other processes.

        Windows that are over, or that this plan does not limit, are ignored; so are times far in the future, which a
        wrong clock wrote.
        """
        self._begin_next_windows(now)
        self.bucket.restore(usage.bucket_full_at, now)
        if usage.closed_until <= now + WINDOW_SECONDS["day"] + CLOCK_TOLERANCE:
            self.closed_until = max(self.closed_until, usage.closed_until)
        for window, started, used in usage.windows:
            if (count := self._counts.get(window)) and count.started == started:
                count.used = max(count.used, used + count.unsaved)

    def _begin_next_windows(self, now: float) -> None:
        if self._counted_at <= now < self._next_window_at:
            return
        for count in self._counts.values():
            count.begin_next(now)
        self._counted_at = now
        self._next_window_at = min((count.ends for count in self._counts.values()), default=math.inf) + CLOCK_TOLERANCE
