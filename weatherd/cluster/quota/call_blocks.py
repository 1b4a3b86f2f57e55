"""Blocks of calls that the database hands out to a node before it uses them: pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from weatherd.quota.windows import CLOCK_TOLERANCE

_ASK_AGAIN = 30.0  # seconds until a window that is used up is asked for again: another node may have returned calls
_REFRESH = 60.0  # seconds after which the number of calls that all nodes were given is asked for again


class WindowKey(NamedTuple):
    """A quota window of a provider that starts at a POSIX time."""

    provider: str
    window: str
    started: float


class CallsWanted(NamedTuple):
    """The calls of a window to ask for; 0 to learn only how many all nodes were given."""

    key: WindowKey
    calls: float
    limit: float  # of the plan


class CallsReturned(NamedTuple):
    """Calls of a window that this node does not need any more."""

    key: WindowKey
    calls: float


class CallsGranted(NamedTuple):
    """The response to :class:`CallsWanted`."""

    key: WindowKey
    calls: float
    allotted: float  # to all nodes together


@dataclass(slots=True)
class CallBlock:
    """The calls of one window that were handed out to this node."""

    left: float = 0.0  # not used yet
    wanted: float = 0.0  # by requests that wait for calls
    is_last: bool = False  # fewer were granted than wanted: the window is used up
    allotted: float = 0.0  # to all nodes together, when this node asked last
    asked_at: float = -math.inf

    def find_missing(self, planned: float, now: float) -> float | None:
        """Return how many calls to ask for, or None not to ask; *planned* are those of the time ahead.

        A block is asked for when less than half of it is left.
        """
        if self.is_last and now - self.asked_at < _ASK_AGAIN:
            return None
        if self.left < max(planned / 2, self.wanted):
            return math.ceil(planned + self.wanted - self.left)
        return 0.0 if _REFRESH <= now - self.asked_at < math.inf else None

    def take_surplus(self, planned: float) -> float:
        """Take out and return the calls beyond those planned, if they are more than half a block."""
        surplus = math.floor(self.left - planned)
        if surplus <= planned / 2:
            return 0.0
        self.left -= surplus
        return surplus

    def add(self, granted: CallsGranted, wanted: float, now: float) -> None:
        """Add the calls that were granted of those *wanted*."""
        self.left += granted.calls
        self.is_last = granted.calls < wanted
        self.allotted, self.wanted, self.asked_at = granted.allotted, 0.0, now


def planned_calls(rate: float, started: float, end: float, now: float, bridge: float) -> float:
    """Return the calls of a window that are planned for the next *bridge* seconds, at *rate* calls a second."""
    seconds = min(end + CLOCK_TOLERANCE, now + bridge) - max(started, now)
    return math.ceil(rate * seconds) + 1 if rate > 0 and seconds > 0 else 0.0
