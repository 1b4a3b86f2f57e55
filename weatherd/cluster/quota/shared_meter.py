"""The meter of one provider whose plan several nodes share: a part of the rate, and blocks of the quota windows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from weatherd.cluster.quota.call_blocks import CallBlock, CallsReturned, CallsWanted, WindowKey, planned_calls
from weatherd.cluster.quota.shared_bucket import LOOK_AGAIN, SharedBucket
from weatherd.errors import Failure, ProviderError
from weatherd.quota.plans import WINDOW_SECONDS
from weatherd.quota.usage import USABLE_SHARE, UsageMeter
from weatherd.quota.windows import CLOCK_TOLERANCE, window_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weatherd.cluster.quota.call_blocks import CallsGranted
    from weatherd.quota.plans import Plan

_EXTRA_SECONDS = 2.0  # after a shortage, calls for so long at the full rate are asked for beside those that were short


class SharedMeter(UsageMeter):
    """A meter whose calls of hours, days and months are handed out by the database before they are used.

    Minutes are kept by the rate: the node's part of the plan's. A request without calls waits for the next exchange
    with the database. Only a block that is smaller than what was asked for means that the window is used up.

    A guest is a command that holds no shards: all guests together get a part of each minute from the database, too.
    """

    __slots__ = ("_blocks", "_bridge", "_handed_out", "_has_surplus", "_part", "_shared_bucket", "_windows", "outage")

    def __init__(self, provider: str, plan: Plan, bridge: float, *, part: float = 0.0, is_guest: bool = False) -> None:
        super().__init__(provider, plan)
        self.bucket = self._shared_bucket = SharedBucket(plan, self._note_shortage, part)
        self._bridge = bridge  # seconds for which calls are asked for in advance
        self._part = part
        self._has_surplus = False  # whether the part has become smaller since calls were returned
        self._blocks: dict[WindowKey, CallBlock] = {}
        self._windows = [window for window in plan.limits if WINDOW_SECONDS[window] >= WINDOW_SECONDS["hour"]]
        minutes = ["minute"] if is_guest and "minute" in plan.limits else []
        self._handed_out = [*self._windows, *minutes]  # the windows whose calls are handed out
        self.outage = ""  # why the database hands out nothing; then requests fail instead of waiting

    def set_part(self, part: float, now: float) -> None:
        """Take another part of the rate, a number from 0 to 1."""
        if part != self._part:
            self._has_surplus |= part < self._part
            self._part = part
            self._shared_bucket.set_part(part, now)

    def calls_left(self, now: float) -> float:
        """Return how many calls one request may count as: at most the burst, and what is left of a last block."""
        last = [block.left for block in self._find_charged(now) if block.is_last]
        return min([self._shared_bucket.heaviest, *last])

    def spare_calls(self, now: float) -> float:
        """Return this node's part of the calls that are left beside the planned ones of all nodes; may be negative.

        The parts of all nodes add up to what is left of the plan.
        """
        self._begin_next_windows(now)
        return min((self._spare_calls(window, now) for window in self._windows), default=math.inf)

    def _spare_calls(self, window: str, now: float) -> float:
        block, limit = self._current_block(window), self.plan.limits[window]
        planned = self.planned_rate * (self._counts[window].ends - now)
        return (USABLE_SHARE * limit - block.allotted - planned) * self._part + block.left

    def usage(self, now: float) -> dict[str, tuple[float, int]]:
        """Return the calls that all nodes use, and the limit by window; of a minute, those of this node."""
        usage = super().usage(now)
        for window in self._windows:
            block, (used, limit) = self._current_block(window), usage[window]
            usage[window] = (max(used, block.allotted - block.left), limit)
        return usage

    def allotted(self, now: float) -> dict[str, tuple[float, int]]:
        """Return by window how many calls all nodes were given, as far as this node knows, and the limit."""
        self._begin_next_windows(now)
        return {window: (self._current_block(window).allotted, self.plan.limits[window]) for window in self._windows}

    def exhausted_window(self, weight: float, now: float) -> str | None:
        """Return the longest window that is used up, or None.

        Raises ProviderError (PAUSED) if calls are missing only until the next exchange: a window has just begun.
        """
        short = {key: block for key, block in self._charged_items(now) if block.left < weight}
        used_up = [key.window for key, block in short.items() if block.is_last]
        if short and not used_up:
            message = self.outage or f"this node waits for calls of the plan of {self.provider}"
            raise ProviderError(message, Failure.PAUSED, retry_after=LOOK_AGAIN)
        return max(used_up, key=WINDOW_SECONDS.__getitem__, default=None)

    def charge(self, weight: float, now: float) -> None:
        """Count *weight* calls that are about to be made."""
        super().charge(weight, now)
        for block in self._find_charged(now):
            block.left -= weight

    def find_wanted(self, now: float) -> list[CallsWanted]:
        """Return the calls to ask for, of the windows that touch the time ahead."""
        wanted = []
        self._drop_past(now)
        for key, end in self._windows_ahead(now):
            calls = self._block(key).find_missing(self._plan_calls(key, end, now), now)
            if calls is not None:
                wanted.append(CallsWanted(key, calls, self._find_limit(key.window)))
        return wanted

    def _find_limit(self, window: str) -> float:
        limit = self.plan.limits[window]
        return limit if window in self._windows else max(1.0, math.floor(limit * self._part))

    def add_granted(self, granted: CallsGranted, wanted: float, now: float) -> None:
        """Add the calls that were granted of those wanted."""
        self._block(granted.key).add(granted, wanted, now)

    def take_surplus(self, now: float) -> list[CallsReturned]:
        """Take out and return the calls that are too many since the part became smaller."""
        if not self._has_surplus:
            return []
        self._has_surplus = False
        self._drop_past(now)
        ends = dict(self._windows_ahead(now))
        surplus = (
            CallsReturned(key, block.take_surplus(self._plan_calls(key, ends.get(key, now), now)))
            for key, block in self._blocks.items()
        )
        return [returned for returned in surplus if returned.calls]

    def take_all(self, now: float) -> list[CallsReturned]:
        """Take out and return all calls."""
        self._drop_past(now)
        surplus = [CallsReturned(key, block.take_surplus(0.0)) for key, block in self._blocks.items()]
        return [returned for returned in surplus if returned.calls]

    def _note_shortage(self, weight: float, now: float) -> bool:
        """Return whether a request has to wait for calls; then they are asked for."""
        short = [block for block in self._find_charged(now) if block.left < weight]
        rate = self.bucket.rate
        for block in short:
            block.wanted = max(block.wanted, weight + (0.0 if math.isinf(rate) else rate * _EXTRA_SECONDS))
        return bool(short) and not self.outage and not any(block.is_last for block in short)

    def _find_charged(self, now: float) -> Iterator[CallBlock]:
        return (block for _, block in self._charged_items(now))

    def _charged_items(self, now: float) -> Iterator[tuple[WindowKey, CallBlock]]:
        """Yield the blocks that a request uses: near the end of a window also that of the next, see WindowCount."""
        self._begin_next_windows(now)
        for window in self._handed_out:
            count = self._counts[window]
            yield self._item(window, count.started)
            if count.ends - now < CLOCK_TOLERANCE:
                yield self._item(window, count.ends)

    def _item(self, window: str, started: float) -> tuple[WindowKey, CallBlock]:
        key = WindowKey(self.provider, window, started)
        return key, self._block(key)

    def _current_block(self, window: str) -> CallBlock:
        return self._item(window, self._counts[window].started)[1]

    def _block(self, key: WindowKey) -> CallBlock:
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = CallBlock()
        return block

    def _windows_ahead(self, now: float) -> Iterator[tuple[WindowKey, float]]:
        """Yield the windows that touch the time until the bridge is over, with their ends."""
        self._begin_next_windows(now)
        for window in self._handed_out:
            started = self._counts[window].started
            while started < now + self._bridge:
                end = window_end(window, started)
                yield WindowKey(self.provider, window, started), end
                started = end

    def _plan_calls(self, key: WindowKey, end: float, now: float) -> float:
        rate = min(self.planned_rate, self.plan.rate) * self._part
        return planned_calls(rate, key.started, end, now, self._bridge)

    def _drop_past(self, now: float) -> None:
        self._begin_next_windows(now)
        for key in [key for key in self._blocks if key.started < self._counts[key.window].started]:
            del self._blocks[key]
