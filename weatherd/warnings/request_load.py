"""The requests that the official warnings of a list need: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weatherd.quota.plans import WINDOW_SECONDS
from weatherd.text.warning_services import wants_warnings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.city import City
    from weatherd.providers.warning_service import WarningService

_RATE_SHARE = 0.25  # of the plan's rate, at most; the rest is for the weather


def shortest_spacing(rate: float) -> float:
    """Return the seconds between two requests with a plan of *rate* calls per second, at the most frequent."""
    return 1 / (_RATE_SHARE * rate)


def regular_spacing(groups: int, interval: float, rate: float) -> float:
    """Return the seconds between two requests, if possible with *interval* seconds between two of the same group."""
    return max(shortest_spacing(rate), interval / groups)


class WarningLoad(NamedTuple):
    """The requests for one service's warnings."""

    cities: int
    groups: int  # requests until all cities have an answer
    spacing: float  # seconds between two requests

    @property
    def interval(self) -> float:
        """Seconds between two answers about a city."""
        return self.groups * self.spacing

    @property
    def lookups(self) -> int:
        """Requests once a month for the zones of cities that share a request."""
        return self.cities if self.groups < self.cities else 0

    def calls_per(self, window: str) -> float:
        """Return the calls in a window such as "day"."""
        return WINDOW_SECONDS[window] / self.spacing


def find_load(name: str, service: WarningService, rate: float, cities: Iterable[City]) -> WarningLoad | None:
    """Return the requests for the warnings of a list, as the polls send them; None if there are none."""
    covered = [city for city in cities if wants_warnings(city.warnings, name) and service.covers(city)]
    groups = len(service.group(covered))
    return WarningLoad(len(covered), groups, regular_spacing(groups, service.interval, rate)) if groups else None
