"""The requests that the official warnings of a list need: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weatherd.quota.plans import WARNING_PLANS, WINDOW_SECONDS, find_plan
from weatherd.text.warning_services import wants_warnings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.city import City
    from weatherd.providers.warning_service import WarningService

_RATE_SHARE = 0.25  # of the plan's rate, at most, if the service has weather too


def find_request_rate(name: str, plan: str) -> float:
    """Return the requests per second that a service's warnings may take with a plan; infinite without a limit."""
    return find_plan(name, plan).rate * (1 if name in WARNING_PLANS else _RATE_SHARE)


def first_spacing(name: str, rate: float) -> float:
    """Return the seconds between two requests of the first round, when nothing is known yet.

    They come as fast as the rate limiter of the plan allows it, also at once, if the service has no weather, to which
    that would leave nothing.
    """
    return 0.0 if name in WARNING_PLANS else 1 / rate


def regular_spacing(groups: int, interval: float, rate: float) -> float:
    """Return the seconds between two requests, if possible with *interval* seconds between two of the same group."""
    return max(1 / rate, interval / groups)


class OpenService(NamedTuple):
    """A service whose warnings can be requested."""

    name: str
    service: WarningService
    rate: float  # requests per second, at most
    preferred: Sequence[WarningService]


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

    @property
    def rate(self) -> float:
        """Calls per second."""
        return 1 / self.spacing

    def calls_per(self, window: str) -> float:
        """Return the calls in a window such as "day"."""
        return WINDOW_SECONDS[window] / self.spacing


def is_requested(city: City, name: str, service: WarningService, preferred: Sequence[WarningService]) -> bool:
    """Return whether a service is asked about a city; with ``auto`` only if none of the *preferred* ones covers it."""
    if not wants_warnings(city.warnings, name) or not service.covers(city):
        return False
    return city.warnings != "auto" or not any(other.covers(city) for other in preferred)


def find_load(opened: OpenService, cities: Iterable[City]) -> WarningLoad | None:
    """Return the requests for the warnings of a list, as the polls send them; None if there are none."""
    name, service, rate, preferred = opened
    covered = [city for city in cities if is_requested(city, name, service, preferred)]
    groups = len(service.group(covered))
    return WarningLoad(len(covered), groups, regular_spacing(groups, service.interval, rate)) if groups else None
