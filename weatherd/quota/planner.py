"""Keeps the list within the plans: where it does not fit, every interval is stretched until it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from weatherd.quota.plans import UNLIMITED, WINDOWS, Load, Plan, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from weatherd.city import City

log = structlog.get_logger()

RESERVE = 1.02  # a stretched list leaves a little room, for what has to be asked again


def _no_gate(_provider: str, _rate: float) -> None:
    """Stand in where there are no gates to be told."""


@dataclass(slots=True)
class Planner:
    """Knows how often each city of the list in force may be asked for."""

    plans: Mapping[str, Plan] = field(default_factory=dict)
    expect: Callable[[str, float], None] = _no_gate  # told of each provider's calls a second
    _loads: Mapping[str, Load] = field(default_factory=dict)
    _factors: dict[str, float] = field(default_factory=dict)

    def plan(self, cities: Iterable[City]) -> None:
        """Take another list, and say so when it has to be stretched, otherwise than before."""
        self._loads = loads(cities, self.plans)
        before, self._factors = self._factors, {}
        for provider, load in self._loads.items():
            if not load.fits:
                self._factors[provider] = load.share * RESERVE
            self.expect(provider, load.rate / self._factors.get(provider, 1.0))
            self._tell(provider, load, before.get(provider))
        for provider in before.keys() - self._loads.keys():
            log.info("quota.fits", provider=provider)

    def interval(self, city: City) -> float:
        """Return how often *city* is asked for, in seconds."""
        factor = self._factors.get(city.providers[0])
        least = self.plans.get(city.providers[0], UNLIMITED).least
        return city.interval if factor is None else max(city.interval, least) * factor

    def calls_a_day(self) -> dict[str, int]:
        """Return what the list costs each provider."""
        return {
            provider: round(load.calls("day") / self._factors.get(provider, 1.0))
            for provider, load in self._loads.items()
        }

    def _tell(self, provider: str, load: Load, before: float | None) -> None:
        factor = self._factors.get(provider)
        if factor == before:
            return
        if factor is None:
            log.info("quota.fits", provider=provider)
            return
        window = load.tightest
        log.warning(
            "quota.stretched",
            provider=provider,
            cities=load.cities,
            window=window,
            calls=round(load.rate * WINDOWS[window], 3),
            limit=load.plan.limits.get(window),
            interval=load.interval,
            stretched=round(load.interval * factor, 3),
            action="use a longer interval, fewer cities, or another plan",
        )
