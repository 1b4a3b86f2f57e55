"""The test against a city's other services: a value that is far from those of all others, which agree with each other.

The rule is that of the spatial check of MADIS (NOAA): of two that differ either may be wrong, so one that is far from
the others is suspect only if these do not differ among themselves.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from weatherd.observation import SERVICES
from weatherd.pipeline.quality.suspicion import Suspicion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.config.sections.quality import QualitySection
    from weatherd.observation import Observation

# Services for comparison are asked about once an hour, and a station's newest observation may be half an hour old
SAME_TIME = timedelta(minutes=90)
_MIN_OTHERS = 2
_MAX_STOOD_IN = 10_000  # cities: in a failover of a long list, each would take 700 bytes
_WITH_SERVICES = ("temperature", "pressure_msl", "wind_speed", "wind_gust")


class OtherServices:
    """The newest observations of the services that report the same city's weather, for 90 minutes."""

    def __init__(self) -> None:
        self.by_city: dict[str, dict[str, Observation]] = {}  # by id and provider

    def add(self, observation: Observation) -> None:
        """Add what a service for comparison has reported."""
        self.by_city.setdefault(observation.city, {})[observation.provider] = observation

    def add_replaced(self, observation: Observation) -> None:
        """Add the last observation of a service that another one stands in for; of many cities, the first ones."""
        if observation.city in self.by_city or len(self.by_city) < _MAX_STOOD_IN:
            self.add(observation)

    def find_nearby(self, observation: Observation) -> list[Observation]:
        """Return what the other services report about the same time; forget a city of which there is nothing."""
        known = self.by_city.get(observation.city, {}).values()
        current = [other for other in known if abs(other.observed_at - observation.observed_at) <= SAME_TIME]
        if not current:
            self.by_city.pop(observation.city, None)
        return [other for other in current if other.provider != observation.provider]

    def forget(self, city_id: str) -> None:
        """Forget a city that was removed or moved."""
        self.by_city.pop(city_id, None)


def find_disagreements(
    observation: Observation, others: Sequence[Observation], limits: QualitySection
) -> Iterator[Suspicion]:
    """Yield the values that differ by more than the limit from those of all *others*.

    Those are at least two, about the same time, and differ by at most half the limit among themselves; their suspect
    values do not count.
    """
    if len(others) < _MIN_OTHERS:
        return
    plausible = [other.without_suspect() for other in others]
    for field in _WITH_SERVICES:
        value, limit = getattr(observation, field), getattr(limits, field).services
        reported = {other.provider: number for other in plausible if (number := getattr(other, field)) is not None}
        if value is None or limit is None or len(reported) < _MIN_OTHERS:
            continue
        lowest, highest = min(reported.values()), max(reported.values())
        if highest - lowest <= limit / 2 and not lowest - limit <= value <= highest + limit:
            names = ", ".join(f"{number:g} of {provider}" for provider, number in sorted(reported.items()))
            yield Suspicion(field, SERVICES, f"{value:g}, but {names}")
