"""Requests that were sent, as (time, weight), and the calls that a service counts."""

from __future__ import annotations

from collections import Counter

from weatherd.quota.windows import window_start


def max_calls_within(seconds: float, sent: list[tuple[float, int]]) -> int:
    """Return the highest number of calls in any interval of that length, wherever it begins."""
    return max(sum(weight for time, weight in sent if start <= time < start + seconds) for start, _ in sent)


class CountingService:
    """A service that counts calls in fixed windows by its own clock."""

    def __init__(self, window: str) -> None:
        self._counted: Counter[float] = Counter()
        self._window = window

    def receive(self, weight: int, now: float) -> None:
        """Count a request."""
        self._counted[window_start(self._window, now)] += weight

    @property
    def max_calls(self) -> int:
        """The highest number of calls in one window."""
        return max(self._counted.values(), default=0)
