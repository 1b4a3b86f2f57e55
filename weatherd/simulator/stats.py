"""Request counters of the simulator, so that a test can judge a client from outside."""

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
    """Highest count in any window of *length* seconds, aligned to the clock."""

    length: int
    peak: float = 0.0
    _window: float = -1.0
    _count: float = 0.0

    def add(self, now: float, count: float) -> None:
        """Add to the window of a POSIX time."""
        window = now // self.length
        self._count = self._count + count if window == self._window else count
        self._window = window
        self.peak = max(self.peak, self._count)


@dataclass(slots=True)
class RequestStats:
    """Requests that one service received, and its responses."""

    requests: int = 0
    calls: float = 0.0  # charged to the quota
    statuses: Counter[int] = field(default_factory=Counter)
    quota_429: int = 0  # rejected because of the quota, not by a fault
    early: int = 0  # repeated before the previous response had expired
    in_flight: int = 0
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

    def record_request(self, now: float, url: str) -> None:
        """Count a request for a URL at a POSIX time."""
        self.requests += 1
        self.first, self.last = self.first or now, now
        self.early += now < self._expires.get(url, 0.0)
        for name in ("requests_a_second", "requests_a_minute"):
            self.peaks[name].add(now, 1)

    def record_calls(self, now: float, calls: float) -> None:
        """Count the API calls that a request is charged."""
        self.calls += calls
        for name, peak in self.peaks.items():
            if name.startswith("calls"):
                peak.add(now, calls)

    def record_response(self, status: int, url: str, expires: str | None) -> None:
        """Count a response by its status, and remember its ``Expires`` header."""
        self.statuses[status] += 1
        if expires:
            self._expires[url] = parsedate_to_datetime(expires).timestamp()

    def to_json(self) -> dict[str, Any]:
        """Return the counters as a JSON object."""
        times = {name: datetime.fromtimestamp(getattr(self, name), UTC).isoformat() for name in ("first", "last")}
        return {
            "requests": self.requests,
            "calls": self.calls,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "not_modified": self.statuses[304],
            "quota_429": self.quota_429,
            "early": self.early,
            "busiest": {name: counter.peak for name, counter in self.peaks.items()},
            **(times if self.requests else {}),
        }
