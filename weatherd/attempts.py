"""What became of the last poll of each city, and when the next one comes and why: for people who ask."""

from __future__ import annotations

import asyncio
import bisect
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from weatherd.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.exchange import Exchange

FRESH = "fresh"
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0)  # seconds


class Try(NamedTuple):
    """What one provider did in a poll."""

    provider: str
    outcome: str  # FRESH, or the failure in a word
    seconds: float  # with the wait at the provider's gate
    reason: str = ""  # in words; "" when it served
    exchanges: Sequence[Exchange] = ()  # with the server; shared by the cities of a batch


class Attempt(NamedTuple):
    """One poll of a city. POSIX times."""

    began: float
    ended: float
    tries: Sequence[Try]
    failures: int  # polls in a row that brought nothing fresh

    @property
    def decided(self) -> str:
        """What it brought, in words."""
        outcomes = {each.outcome: each.provider for each in self.tries}
        if FRESH in outcomes:
            return f"{outcomes[FRESH]} serves"
        is_old = Failure.STALE.value in outcomes
        return "nothing newer, so the old one is shown as stale" if is_old else "no observation"


class Next(NamedTuple):
    """When a city is polled next, and why then."""

    at: float  # POSIX time
    why: str
    is_tick: bool = True  # of the city's phase, not out of turn


@dataclass(slots=True)
class Spread:
    """How long something took: counts for each bucket, the last of them for all that took longer."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect.bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class Attempts:
    """The last poll of every city that is watched, and counts of all."""

    def __init__(self) -> None:
        self.polls: Counter[tuple[str, str]] = Counter()  # by provider and outcome
        self.durations: defaultdict[str, Spread] = defaultdict(Spread)  # by provider
        self._last: dict[str, Attempt] = {}
        self._next: dict[str, Next] = {}  # of those that are not being polled now

    def planned(self, city: str, then: Next) -> None:
        """Note when a city is polled next."""
        self._next[city] = then

    def begins(self, city: str) -> None:
        """Note that a city is being polled."""
        self._next.pop(city, None)

    def ended(self, city: str, attempt: Attempt, then: Next) -> None:
        """Note what became of a poll, and when the city is polled next."""
        self._last[city], self._next[city] = attempt, then
        for each in attempt.tries:
            self.polls[each.provider, each.outcome] += 1
            self.durations[each.provider].add(each.seconds)

    def last(self, city: str) -> Attempt | None:
        """Return the last poll of a city, if it has been polled since the start."""
        return self._last.get(city)

    def next(self, city: str) -> Next | None:
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


class Pulse:
    """Tells whether the parts of the road that must never stand still do move."""

    def __init__(self) -> None:
        self._busy: dict[str, tuple[float, float]] = {}

    def begins(self, part: str, limit: float) -> None:
        """Note that a part has work now, which takes it *limit* seconds at the most."""
        self._busy[part] = asyncio.get_running_loop().time(), limit

    def ends(self, part: str) -> None:
        """Note that the work is done."""
        self._busy.pop(part, None)

    def stuck(self) -> list[str]:
        """Return the parts that are over their limit."""
        now = asyncio.get_running_loop().time()
        return [part for part, (since, limit) in self._busy.items() if now - since > limit]
