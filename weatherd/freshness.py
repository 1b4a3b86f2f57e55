"""Age of an observation, and the age above which it is stale. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from weatherd.observation import Observation

# Seconds. A budget covers the update cycle of a healthy service plus one failed update. Models are updated every 15
# minutes (Open-Meteo) or 10 minutes (OpenWeatherMap), a forecast step is one hour (MET Norway), and stations report
# every 30 or 60 minutes with a delay of up to 30 minutes (Bright Sky, NWS).
AGE_BUDGETS: Mapping[str, float] = MappingProxyType(
    {
        "open-meteo": 7200.0,
        "openweathermap": 7200.0,
        "met-norway": 7200.0,
        "bright-sky": 10800.0,
        "nws": 9000.0,
    }
)
DEFAULT_AGE_BUDGET = 10800.0  # seconds, for a plug-in that declares none
_MAX_GAP = 1.5  # intervals between two polls, see polling.schedule.rejoin_tick()
_HEALTHY_SHARE = 2 / 3  # of a budget: the age at which a healthy service may deliver an observation


def _no_interval(_city_id: str) -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class AgeBudgets:
    """Maximum age in seconds of a fresh observation: by provider, and longer for cities with a long interval."""

    seconds: Mapping[str, float]  # by provider
    interval_of: Callable[[str], float] = _no_interval  # seconds between two polls of a city, by its id

    def of_provider(self, provider: str) -> float:
        """Return a provider's age budget in seconds, for cities with a short interval."""
        return self.seconds.get(provider, DEFAULT_AGE_BUDGET)

    def of_city(self, city_id: str, provider: str) -> float:
        """Return the age budget in seconds of a city's observation, which must not go stale before the next poll.

        For example, with a budget of two hours and an interval of three, an observation that is 80 minutes old when it
        is fetched stays fresh for 4 h 30 min: its budget is 5 h 50 min.
        """
        budget = self.of_provider(provider)
        return max(budget, self.interval_of(city_id) * _MAX_GAP + budget * _HEALTHY_SHARE)

    def is_overdue(self, observation: Observation, now: float) -> bool:
        """Return whether a healthy service would have a newer observation at *now*, a POSIX time, at any interval."""
        budget = self.seconds.get(observation.provider, DEFAULT_AGE_BUDGET)
        return now - observation.observed_at.timestamp() > budget

    def is_stale(self, observation: Observation, now: float) -> bool:
        """Return whether an observation exceeds its city's age budget at *now*, a POSIX time."""
        if not self.is_overdue(observation, now):
            return False
        return now - observation.observed_at.timestamp() > self.of_city(observation.city, observation.provider)


BUILT_IN_BUDGETS = AgeBudgets(AGE_BUDGETS)


def age_seconds(observation: Observation, now: float) -> float:
    """Return the age in seconds at *now*, a POSIX time; at least 0, because some services' clocks are ahead."""
    return max(0.0, now - observation.observed_at.timestamp())
