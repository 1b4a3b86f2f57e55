"""The API calls that a list of cities needs, compared with the plans of the services: pure."""

from __future__ import annotations

import math
import operator
from collections import Counter, defaultdict
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from weatherd.quota.plans import UNLIMITED, WINDOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weatherd.city import City
    from weatherd.quota.plans import Plan

_NO_RATES: Mapping[str, float] = MappingProxyType({})
_ROUNDING = 1e-6  # floating-point error of a sum of many small rates


@dataclass(frozen=True, slots=True)
class ProviderLoad:
    """The load on one provider, caused by the cities that list it first."""

    plan: Plan
    cities: int
    rate: float  # calls per second
    interval: float  # the shortest interval of these cities, in seconds
    warning_rate: float = 0.0  # calls per second for official warnings, whose intervals are not stretched

    def calls_per(self, window: str) -> float:
        """Return the calls in a window such as "day"; a month has 31 days."""
        return self.rate * WINDOW_SECONDS[window]

    @property
    def share(self) -> float:
        """The used fraction of what the official warnings leave of the tightest limit; above 1 the list exceeds it."""
        limits = self.plan.limits.items()
        shares = (self.rate / (limit / WINDOW_SECONDS[window] - self.warning_rate) for window, limit in limits)
        return max([self.rate / (self.plan.rate - self.warning_rate), *shares])

    @property
    def fits(self) -> bool:
        """Whether the plan allows this load."""
        return self.share <= 1 + _ROUNDING

    @property
    def tightest_window(self) -> str:
        """The window with the highest used fraction, or "second" for a plan that limits only the rate."""
        limits = self.plan.limits
        return max(limits, key=lambda window: self.calls_per(window) / limits[window], default="second")

    @property
    def fitting_interval(self) -> float:
        """The shortest interval that fits the plan, in whole seconds; the present one if that fits already."""
        return self.interval if self.fits else float(math.ceil(self.interval * self.share - _ROUNDING))


_GROUP_KEY = operator.attrgetter("providers", "interval")


CityGroups = Counter[tuple[tuple[str, ...], float]]  # cities by their providers and interval


def group_cities(cities: Iterable[City]) -> CityGroups:
    """Count the cities with the same providers and interval; 200,000 cities have only a few different ones."""
    return Counter(map(_GROUP_KEY, cities))


def provider_loads(
    groups: CityGroups, plans: Mapping[str, Plan], warning_rates: Mapping[str, float] = _NO_RATES
) -> dict[str, ProviderLoad]:
    """Return the load on each provider by its name, counting every city for its first provider only.

    *warning_rates* has the calls per second for the official warnings of some of them, at most a part of their plans.
    """
    counts: defaultdict[str, Counter[float]] = defaultdict(Counter)
    for (providers, interval), count in groups.items():
        min_interval = plans.get(providers[0], UNLIMITED).min_interval
        counts[providers[0]][float(max(interval, min_interval))] += count  # float(), because it may be an AutoInterval
    return {
        provider: ProviderLoad(
            plans.get(provider, UNLIMITED),
            intervals.total(),
            sum(count / interval for interval, count in intervals.items()),
            min(intervals),
            warning_rates.get(provider, 0.0),
        )
        for provider, intervals in counts.items()
    }
