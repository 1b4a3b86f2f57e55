"""What became of the last poll of each city, and when the next one comes and why: for people who ask."""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from weatherd.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.http.trace import RequestTrace

FRESH = "fresh"
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0)  # seconds


class ProviderAttempt(NamedTuple):
    """What one provider did in a poll."""

    provider: str
    outcome: str  # FRESH, or the failure in a word
    seconds: float  # with the wait at the provider's gate
    reason: str = ""  # in words; "" when it served
    exchanges: Sequence[RequestTrace] = ()  # with the server; shared by the cities of a batch


class Poll(NamedTuple):
    """One poll of a city. POSIX times."""

    began: float
    ended: float
    tries: Sequence[ProviderAttempt]
    failures: int  # polls in a row that brought nothing fresh

    @property
    def decided(self) -> str:
        """What it brought, in words."""
        outcomes = {each.outcome: each.provider for each in self.tries}
        if FRESH in outcomes:
            return f"{outcomes[FRESH]} serves"
        is_old = Failure.STALE.value in outcomes
        return "nothing newer, so the old one is shown as stale" if is_old else "no observation"


class NextPoll(NamedTuple):
    """When a city is polled next, and why then."""

    at: float  # POSIX time
    why: str
    is_tick: bool = True  # of the city's phase, not out of turn


@dataclass(slots=True)
class Histogram:
    """How long something took: counts for each bucket, the last of them for all that took longer."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect.bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class PollHistory:
    """The last poll of every city that is watched, and counts of all."""

    def __init__(self) -> None:
        self.polls: Counter[tuple[str, str]] = Counter()  # by provider and outcome
        self.durations: defaultdict[str, Histogram] = defaultdict(Histogram)  # by provider
        self._last: dict[str, Poll] = {}
        self._next: dict[str, NextPoll] = {}  # of those that are not being polled now

    def planned(self, city: str, then: NextPoll) -> None:
        """Note when a city is polled next."""
        self._next[city] = then

    def begins(self, city: str) -> None:
        """Note that a city is being polled."""
        self._next.pop(city, None)

    def ended(self, city: str, attempt: Poll, then: NextPoll) -> None:
        """Note what became of a poll, and when the city is polled next."""
        self._last[city], self._next[city] = attempt, then
        for each in attempt.tries:
            self.polls[each.provider, each.outcome] += 1
            self.durations[each.provider].add(each.seconds)

    def last(self, city: str) -> Poll | None:
        """Return the last poll of a city, if it has been polled since the start."""
        return self._last.get(city)

    def next(self, city: str) -> NextPoll | None:
        """Return when a city is polled next, and why then; None while it is being polled."""
        return self._next.get(city)

    def earliest(self) -> float | None:
        """Return when the next poll of any city is due, in POSIX time."""
        return min((then.at for then in self._next.values()), default=None)

    def forget(self, cities: Iterable[str]) -> None:
        """Forget these cities."""
        for city in cities:
            self._last.pop(city, None)
            self._next.pop(city, None)
