"""What services still have of the past, to fill gaps in the journal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from weatherd.quota.plans import WINDOW_SECONDS, check_count, check_trait

if TYPE_CHECKING:
    from collections.abc import Mapping

_DAY = WINDOW_SECONDS["day"]


@dataclass(frozen=True, slots=True)
class PastTraits:
    """The observations of the past that a service has for a provider's ``fetch_past``.

    Raises ValueError for a value out of range.
    """

    reach: float  # seconds from the oldest observation until now
    step: float  # seconds between two observations: only a longer gap can be filled
    span: float = _DAY  # seconds that one call of fetch_past covers at most; it makes one request
    cities: int = 1  # for which one request can ask; more than 1 needs fetch_past_batch

    def __post_init__(self) -> None:
        for name in ("reach", "step", "span"):
            value = getattr(self, name)
            check_trait(name, value, "a finite number of seconds above 0", valid=0 < value < math.inf)
        check_count("cities", self.cities)


# Sources: https://open-meteo.com/en/docs ("past_days"), https://brightsky.dev/docs/#/operations/getWeather (hourly,
# since 2010; 90 days are as far as the journal reaches by default), and for the National Weather Service its responses:
# about a week, in which a station that reports every 5 minutes has 288 observations a day, and a request 500 at most.
PASTS: Mapping[str, PastTraits] = MappingProxyType(
    {
        "open-meteo": PastTraits(92 * _DAY, 900.0, 7 * _DAY, cities=100),
        "bright-sky": PastTraits(3650 * _DAY, 3600.0, 7 * _DAY),
        "nws": PastTraits(7 * _DAY, 3600.0, _DAY),
    }
)
