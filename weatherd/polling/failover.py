"""Which provider serves a city: the first that can, and a return to it that is not a flap. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHORTEST = 600.0
_LONGEST = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Suspension:
    """A provider that failed a city sits out for a while. POSIX times."""

    until: float
    length: float  # seconds

    def is_over(self, now: float) -> bool:
        """Tell whether the provider has its turn again."""
        return now >= self.until

    def is_forgotten(self, now: float) -> bool:
        """Tell whether it has done well for as long as it sat out."""
        return now >= self.until + self.length


def order(providers: Sequence[str], benches: Mapping[str, Suspension], now: float) -> Sequence[str]:
    """Return the providers in the order to ask them: by preference, those that sit out last."""
    if not benches:
        return providers
    return sorted(providers, key=lambda name: name in benches and not benches[name].is_over(now))


def bench(before: Suspension | None, now: float, interval: float, retry_after: float) -> Suspension:
    """Return how long a provider that failed at *now* sits out: two intervals, ten minutes at least.

    Twice as long each time it fails before it has done well for as long as it sat out; six hours, or two intervals, at
    the most. Not before the time that it asked for itself.
    """
    shortest = max(_SHORTEST, 2 * interval)
    again = before is not None and not before.is_forgotten(now)
    length = min(before.length * 2, max(_LONGEST, shortest)) if before and again else shortest
    return Suspension(now + max(length, retry_after), length)
