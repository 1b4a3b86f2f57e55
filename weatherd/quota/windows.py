"""The quota windows: calendar minutes, hours, days and months of UTC, and the calls counted in each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime

from weatherd.quota.plans import WINDOW_SECONDS

CLOCK_TOLERANCE = 5.0  # seconds: difference between our clock and the service's, plus the time a request travels
_KEPT_WINDOWS = 3
_WRONG_CLOCK = 3600.0  # seconds; a clock that is set back by more was wrong before


def window_start(window: str, now: float) -> float:
    """Return the start of the window that contains *now*; both are POSIX seconds."""
    if window == "month":
        return datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()
    return math.floor(now / WINDOW_SECONDS[window]) * WINDOW_SECONDS[window]


def window_end(window: str, now: float) -> float:
    """Return the end of the window that contains *now*; both are POSIX seconds."""
    start = window_start(window, now)
    return window_start(window, start + 32 * 86400) if window == "month" else start + WINDOW_SECONDS[window]


@dataclass(slots=True)
class WindowCount:
    """The calls in the current window of one length. The next one begins CLOCK_TOLERANCE late.

    Calls near the end of a window are also carried over to the next one, because the service may count them there.
    Example: a request sent at 11:59:58 by our clock arrives at 12:00:01 by the service's, so it is part of the hour
    from 11:00 for us, and of the hour from 12:00 for the service; it is counted in both. Both counts are saved.
    """

    window: str
    started: float = 0.0  # POSIX seconds
    ends: float = 0.0
    used: float = 0.0
    carried_over: float = 0.0  # part of ``used``
    unsaved: float = 0.0  # part of ``used``
    _earlier: dict[float, float] = field(default_factory=dict)  # calls of earlier windows, by their start

    def begin_next(self, now: float) -> None:
        """Begin the window that contains *now*, unless it is the current one or the clock was set back a little.

        A window that is entered again keeps its calls: a clock that was ahead for a minute does not clear a month.
        """
        started = window_start(self.window, now - CLOCK_TOLERANCE)
        if started > self.started or now < self.started - _WRONG_CLOCK:
            self._earlier[self.started] = self.used
            self.unsaved = self.carried_over if started == self.ends else 0.0
            self.started, self.ends, self.carried_over = started, window_end(self.window, started), 0.0
            self.used = self._earlier.pop(started, 0.0) + self.unsaved
            if len(self._earlier) > _KEPT_WINDOWS:
                del self._earlier[next(iter(self._earlier))]  # the one that ended first

    def charge(self, weight: float, now: float) -> None:
        """Count calls."""
        self.used += weight
        self.unsaved += weight
        if self.ends - now < CLOCK_TOLERANCE:
            self.carried_over += weight
