"""When services have new observations, and the age above which one is stale. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from weatherd.text.auto_interval import AutoInterval

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from weatherd.observation import Observation

# Seconds. A budget covers the update cycle of a healthy service plus one failed update. Models are updated every 15
# minutes (Open-Meteo) or 10 minutes (OpenWeatherMap), a forecast step is one hour (MET Norway), and stations report
# every 30 or 60 minutes with a delay of up to 30 minutes (Bright Sky, NWS, METAR).
AGE_BUDGETS: Mapping[str, float] = MappingProxyType(
    {
        "open-meteo": 7200.0,
        "openweathermap": 7200.0,
        "met-norway": 7200.0,
        "bright-sky": 10800.0,
        "nws": 9000.0,
        "metar": 9000.0,
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


@dataclass(frozen=True, slots=True)
class PublicationTimes:
    """The usual times of a service's values."""

    period: float  # seconds between the times of two values
    delay: float  # maximum of seconds that usually pass from the time of a value until the service has it
    is_uniform: bool = False  # the times are the same at all places


# Open-Meteo's current values change at each quarter of an hour UTC to the second, and a step of MET Norway's forecast
# begins at each full hour. Stations in Germany report at :00 and :30, which Bright Sky has 5 to 10 minutes later.
# Stations of the NWS report once an hour between :51 and :56, and their quality control takes up to 20 minutes.
# Airports report once or twice an hour, and the service has a report 2 to 15 minutes later.
# OpenWeatherMap's values are ten minutes apart, at other times for each place.
PUBLICATIONS: Mapping[str, PublicationTimes] = MappingProxyType(
    {
        "open-meteo": PublicationTimes(900.0, 0.0, is_uniform=True),
        "met-norway": PublicationTimes(3600.0, 0.0, is_uniform=True),
        "bright-sky": PublicationTimes(1800.0, 600.0),
        "nws": PublicationTimes(3600.0, 1200.0),
        "metar": PublicationTimes(1800.0, 600.0),
        "openweathermap": PublicationTimes(600.0, 120.0),
    }
)
_UNKNOWN = PublicationTimes(600.0, 300.0)  # of a plug-in


def find_publication(provider: str) -> PublicationTimes:
    """Return the usual times of a service, or a guess for a plug-in."""
    return PUBLICATIONS.get(provider, _UNKNOWN)


def plan_interval(interval: float, provider: str) -> float:
    """Return a city's interval; of an ``auto`` one, the average follows from its first *provider*."""
    return interval.replan(find_publication(provider).period) if isinstance(interval, AutoInterval) else interval
