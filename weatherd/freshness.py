"""How old an observation is, and from when on it is too old to be shown as the weather: pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weatherd.observation import Observation

# Seconds. Each is what a healthy service needs, with room for one renewal that fails: models are renewed every quarter
# of an hour (Open-Meteo) or ten minutes (OpenWeatherMap), forecast steps are an hour long, stations report every half
# or whole hour and their reports take up to half an hour more.
AGE_BUDGETS = MappingProxyType(
    {
        "open-meteo": 7200.0,
        "openweathermap": 7200.0,
        "met-norway": 7200.0,
        "bright-sky": 10800.0,
        "nws": 9000.0,
    }
)
_OTHERS = 10800.0


def age_budget(provider: str) -> float:
    """Return the age in seconds up to which an observation of a provider is fresh."""
    return AGE_BUDGETS.get(provider, _OTHERS)


def age_seconds(observation: Observation, now: float) -> float:
    """Return the age in seconds at a POSIX time; never below 0, for services are ahead of us now and then."""
    return max(0.0, now - observation.observed_at.timestamp())


def is_stale(observation: Observation, now: float) -> bool:
    """Tell whether an observation is older than what its provider is allowed."""
    return now - observation.observed_at.timestamp() > age_budget(observation.provider)
