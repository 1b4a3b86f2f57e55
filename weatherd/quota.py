"""What a list costs, against what the services allow: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weatherd.city import City

WINDOWS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0, "month": 31 * 86400.0}

# Calls that the free plans allow: https://open-meteo.com/en/pricing and https://openweathermap.org/price
FREE = {
    "open-meteo": {"minute": 600, "hour": 5000, "day": 10000, "month": 300_000},
    "openweathermap": {"minute": 60, "month": 1_000_000},
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What the cities of one provider cost in one window of time."""

    provider: str
    window: str
    calls: float
    limit: int | None  # None: not limited in this window

    @property
    def fits(self) -> bool:
        """Tell whether the plan allows it."""
        return self.limit is None or self.calls <= self.limit


def costs(cities: Iterable[City], limits: Mapping[str, Mapping[str, int]]) -> list[Cost]:
    """Return the calls of a list in each window, where every city is served by its first provider.

    One city is one call, also where several travel in one request: that is how the services count.
    """
    per_second: dict[str, float] = {}
    for city in cities:
        provider = city.providers[0]
        per_second[provider] = per_second.get(provider, 0.0) + 1 / city.interval
    return [
        Cost(provider, window, round(rate * length, 3), limits.get(provider, {}).get(window))
        for provider, rate in per_second.items()
        for window, length in WINDOWS.items()
    ]
