"""The planner: it stretches the intervals of a list of cities until the list fits the quota plans."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from weatherd.quota.load import group_cities, provider_loads
from weatherd.quota.plans import UNLIMITED, WINDOW_SECONDS
from weatherd.quota.repeats import sum_repeats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from weatherd.city import City
    from weatherd.quota.load import CityGroups, ProviderLoad
    from weatherd.quota.plans import Plan
    from weatherd.quota.repeats import RepeatLoad

log = structlog.get_logger()

_MIN_SPREAD = 45.0  # seconds; so that a value is fetched within a minute
_MAX_RATE = 1000.0  # cities a second
RETRY_RESERVE = 1.02  # a stretched list uses 98 % of the plan; the rest is for retries


@dataclass(slots=True)
class Planner:
    """The poll intervals of the current list of cities."""

    plans: Mapping[str, Plan]
    on_planned_rate: Callable[[str, float], None]  # called with each provider and its calls per second
    _groups: CityGroups = field(default_factory=Counter)
    _loads: Mapping[str, ProviderLoad] = field(default_factory=dict)
    _factors: dict[str, float] = field(default_factory=dict)  # of the stretched providers
    _warning_rates: dict[str, float] = field(default_factory=dict)  # calls per second for official warnings
    _shares: dict[str, float] = field(default_factory=dict)  # used fractions of the tightest limits

    def update(self, added: Iterable[City], removed: Iterable[City] = ()) -> None:
        """Add and remove cities; log each provider whose stretch factor has changed."""
        self._groups = self._groups + group_cities(added) - group_cities(removed)  # without those that are empty now
        self._plan()

    def reserve(self, provider: str, rate: float) -> None:
        """Reserve calls per second of a provider's plan for official warnings."""
        if rate != self._warning_rates.get(provider, 0.0):
            self._warning_rates[provider] = rate
            self._plan()

    def _plan(self) -> None:
        self._loads = provider_loads(self._groups, self.plans, self._warning_rates)
        before, self._factors = self._factors, {}
        for provider, load in self._loads.items():
            if not load.fits:
                self._factors[provider] = load.share * RETRY_RESERVE
            self._shares[provider] = self._factors.get(provider, load.share)
            self.on_planned_rate(provider, load.rate / self._factors.get(provider, 1.0))
            self._log_change(provider, load, before.get(provider))
        for provider in before.keys() - self._loads.keys():
            log.info("quota.fits", provider=provider)

    def interval(self, city: City) -> float:
        """Return the seconds between two polls of *city*."""
        factor = self._factors.get(city.providers[0])
        if factor is None:
            return city.interval
        return max(city.interval, self.plans.get(city.providers[0], UNLIMITED).min_interval) * factor

    def shortest_interval(self, city: City) -> float:
        """Return the seconds that two polls of a city with ``interval: auto`` need to be apart.

        If all polls of the provider were closer by the same factor, they would use its plan up.
        """
        share = self._shares.get(city.providers[0], 0.0)
        return max(city.interval, self.plans.get(city.providers[0], UNLIMITED).min_interval) * share

    def spread(self, provider: str) -> float:
        """Return the seconds over which the polls of all cities are spread that expect news at the same time."""
        load = self._loads.get(provider)
        return max(_MIN_SPREAD, load.cities / min(load.plan.rate, _MAX_RATE)) if load else _MIN_SPREAD

    def find_repeat_loads(self) -> dict[str, RepeatLoad]:
        """Return by provider the polls that bring nothing new, if there are some."""
        return sum_repeats(self._groups, self.plans, self._factors)

    def calls_per_day(self) -> dict[str, int]:
        """Return the planned calls a day by provider."""
        return {
            provider: round(load.calls_per("day") / self._factors.get(provider, 1.0))
            for provider, load in self._loads.items()
        }

    def _log_change(self, provider: str, load: ProviderLoad, before: float | None) -> None:
        factor = self._factors.get(provider)
        if factor == before:
            return
        if factor is None:
            log.info("quota.fits", provider=provider)
            return
        window = load.tightest_window
        log.warning(
            "quota.stretched",
            provider=provider,
            cities=load.cities,
            window=window,
            calls=round(load.calls_per(window) + load.warning_rate * WINDOW_SECONDS[window], 3),
            limit=load.plan.limits.get(window),
            interval=load.interval,
            stretched=round(load.interval * factor, 3),
            action="use a longer interval, fewer cities, or another plan",
        )
