"""Age of an observation, and the age above which it is stale. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

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


@dataclass(frozen=True, slots=True)
class AgeBudgets:
    """Maximum age in seconds of a fresh observation, by provider."""

    seconds: Mapping[str, float]

    def of_provider(self, provider: str) -> float:
        """Return a provider's age budget in seconds."""
        return self.seconds.get(provider, DEFAULT_AGE_BUDGET)

    def is_stale(self, observation: Observation, now: float) -> bool:
        """Return whether an observation exceeds its provider's age budget at *now*, a POSIX time."""
        budget = self.seconds.get(observation.provider, DEFAULT_AGE_BUDGET)
        return now - observation.observed_at.timestamp() > budget


BUILT_IN_BUDGETS = AgeBudgets(AGE_BUDGETS)


def age_seconds(observation: Observation, now: float) -> float:
    """Return the age in seconds at *now*, a POSIX time; at least 0, because some services' clocks are ahead."""
    return max(0.0, now - observation.observed_at.timestamp())
