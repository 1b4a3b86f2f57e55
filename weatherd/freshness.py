"""The age of an observation, and the age from which on it is stale. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.observation import Observation

# Seconds. A budget covers the update cycle of a healthy service and one failed update. Models are updated every 15
# minutes (Open-Meteo) or 10 minutes (OpenWeatherMap), forecast steps are one hour long (MET Norway), stations report
# every 30 or 60 minutes and their reports take up to 30 minutes more (Bright Sky, NWS).
AGE_BUDGETS: Mapping[str, float] = MappingProxyType(
    {
        "open-meteo": 7200.0,
        "openweathermap": 7200.0,
        "met-norway": 7200.0,
        "bright-sky": 10800.0,
        "nws": 9000.0,
    }
)
DEFAULT_AGE_BUDGET = 10800.0  # seconds, for a plug-in that states none


@dataclass(frozen=True, slots=True)
class AgeBudgets:
    """The age in seconds up to which an observation counts as fresh, by provider."""

    seconds: Mapping[str, float] = field(default_factory=lambda: AGE_BUDGETS)

    def of_provider(self, provider: str) -> float:
        """Return a provider's age budget in seconds."""
        return self.seconds.get(provider, DEFAULT_AGE_BUDGET)

    def is_stale(self, observation: Observation, now: float) -> bool:
        """Return whether an observation exceeds its provider's age budget at *now*, a POSIX time."""
        return now - observation.observed_at.timestamp() > self.of_provider(observation.provider)


BUILT_IN_BUDGETS = AgeBudgets()


def age_seconds(observation: Observation, now: float) -> float:
    """Return the age at *now*, a POSIX time; at least 0, because the clocks of some services are ahead."""
    return max(0.0, now - observation.observed_at.timestamp())
