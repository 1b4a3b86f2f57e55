"""Choice of the provider for a city: the first available one, without flapping between two. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MIN_SUSPENSION = 600.0  # seconds
_MAX_SUSPENSION = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Suspension:
    """A period in which a provider that failed for a city is tried last."""

    until: float  # boot time
    length: float  # seconds

    def is_over(self, now: float) -> bool:
        """Return whether the provider is back in its place in the order of preference."""
        return now >= self.until

    def is_forgiven(self, now: float) -> bool:
        """Return whether the provider has been back for at least as long as it was suspended."""
        return now >= self.until + self.length


def order_providers(providers: Sequence[str], suspensions: Mapping[str, Suspension], now: float) -> Sequence[str]:
    """Return the providers in the order in which to try them: by preference, suspended ones last."""
    if not suspensions:
        return providers
    return sorted(providers, key=lambda name: name in suspensions and not suspensions[name].is_over(now))


def suspend(previous: Suspension | None, now: float, interval: float, retry_after: float) -> Suspension:
    """Return the suspension of a provider that failed at *now*: two intervals, but at least ten minutes.

    The length doubles with each failure before the previous suspension is forgiven, up to six hours or two intervals,
    whichever is longer. The suspension never ends before *retry_after*, the delay in seconds requested by the service.
    """
    shortest = max(_MIN_SUSPENSION, 2 * interval)
    length = shortest
    if previous and not previous.is_forgiven(now):
        length = min(previous.length * 2, max(_MAX_SUSPENSION, shortest))
    return Suspension(now + max(length, retry_after), length)
