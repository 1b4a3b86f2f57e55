"""Counts of what the simulator was asked, so that a test can judge a client from outside."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class PeakCounter:
    """The most in any window of so many seconds, aligned to the clock."""

    length: int
    most: float = 0.0
    _window: float = -1.0
    _now: float = 0.0

    def add(self, now: float, count: float) -> None:
        """Count at a POSIX time."""
        window = now // self.length
        self._now = self._now + count if window == self._window else count
        self._window = window
        self.most = max(self.most, self._now)


@dataclass(slots=True)
class RequestStats:
    """What one service was asked."""

    requests: int = 0
    calls: float = 0.0  # what was charged
    statuses: Counter[int] = field(default_factory=Counter)
    quota_429: int = 0  # refused because of the quota, not by a fault
    early: int = 0  # asked for a place before what was answered had expired
    under_way: int = 0
    first: float = 0.0
    last: float = 0.0
    peaks: Mapping[str, PeakCounter] = field(
        default_factory=lambda: {
            "requests_a_second": PeakCounter(1),
            "requests_a_minute": PeakCounter(60),
            "calls_a_second": PeakCounter(1),
            "calls_a_minute": PeakCounter(60),
            "calls_an_hour": PeakCounter(3600),
            "calls_a_day": PeakCounter(86400),
        }
    )
    _expires: dict[str, float] = field(default_factory=dict)

    def asked(self, now: float, place: str) -> None:
        """Count a request for a place."""
        self.requests += 1
        self.first, self.last = self.first or now, now
        self.early += now < self._expires.get(place, 0.0)
        for name in ("requests_a_second", "requests_a_minute"):
            self.peaks[name].add(now, 1)

    def charged(self, now: float, calls: float) -> None:
        """Count what a request weighs."""
        self.calls += calls
        for name, peak in self.peaks.items():
            if name.startswith("calls"):
                peak.add(now, calls)

    def answered(self, status: int, place: str, expires: str | None) -> None:
        """Note how a request was answered, and until when that is good."""
        self.statuses[status] += 1
        if expires:
            self._expires[place] = parsedate_to_datetime(expires).timestamp()

    def plain(self) -> dict[str, Any]:
        """Return the counts for JSON."""
        times = {name: datetime.fromtimestamp(getattr(self, name), UTC).isoformat() for name in ("first", "last")}
        return {
            "requests": self.requests,
            "calls": self.calls,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "not_modified": self.statuses[304],
            "quota_429": self.quota_429,
            "early": self.early,
            "busiest": {name: peak.most for name, peak in self.peaks.items()},
            **(times if self.requests else {}),
        }
