"""When weather services publish new values: what is known before anything is learnt, for ``interval: auto``."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from weatherd.text.auto_interval import AutoInterval

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class PublicationTimes:
    """The usual times of a service's values."""

    period: float  # seconds between the times of two values
    delay: float  # maximum of seconds that usually pass from the time of a value until the service has it
    is_uniform: bool = False  # the times are the same at all places


# Open-Meteo's current values change at each quarter of an hour UTC to the second, and a step of MET Norway's forecast
# begins at each full hour. Stations in Germany report at :00 and :30, which Bright Sky has 5 to 10 minutes later.
# Stations of the NWS report once an hour between :51 and :56, and their quality control takes up to 20 minutes.
# OpenWeatherMap's values are ten minutes apart, at other times for each place.
PUBLICATIONS: Mapping[str, PublicationTimes] = MappingProxyType(
    {
        "open-meteo": PublicationTimes(900.0, 0.0, is_uniform=True),
        "met-norway": PublicationTimes(3600.0, 0.0, is_uniform=True),
        "bright-sky": PublicationTimes(1800.0, 600.0),
        "nws": PublicationTimes(3600.0, 1200.0),
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
