"""What a list costs against what the services allow, and the interval that fits: pure."""

from __future__ import annotations

import math
import operator
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weatherd.city import City

WINDOWS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "month": 31 * 86400.0}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a service allows, and within that the pace that weatherd keeps to.

    A place is one call, also where several travel in one request: that is how the services count.
    """

    limits: Mapping[str, int] = field(default_factory=dict)  # calls in a window of time
    rate: float = math.inf  # calls a second, in the long run
    burst: float = math.inf  # calls that may follow one another at once
    least: float = 0.0  # seconds between two requests for the same place


def _paced(burst: float, limits: Mapping[str, int]) -> Plan:
    """Spread the shortest window's calls over it: no 60 s, wherever they begin, then hold more than it allows.

    A twentieth is kept back, for requests that arrive closer together than they were sent.
    """
    shortest = min(limits, key=WINDOWS.__getitem__)
    return Plan(limits, rate=0.95 * (limits[shortest] - burst) / WINDOWS[shortest], burst=burst)


A = {window: f"{'an' if window == 'hour' else 'a'} {window}" for window in WINDOWS}  # as in: 60 calls a minute
UNLIMITED = Plan()
_NOISE = 1e-6  # of adding up many small numbers

# https://open-meteo.com/en/pricing, https://openweathermap.org/price, https://docs.api.met.no/doc/TermsOfService.html
# (20 a second for all installations of a program together), https://brightsky.dev (10 a second, 50 at once). The
# National Weather Service publishes no number. MET Norway's answers are good for half an hour.
PLANS: Mapping[str, Mapping[str, Plan]] = {
    "open-meteo": {
        "free": _paced(100, {"minute": 600, "hour": 5_000, "day": 10_000}),
        "standard": Plan({"month": 1_000_000}, rate=50, burst=500),
        "professional": Plan({"month": 5_000_000}, rate=50, burst=500),
    },
    "openweathermap": {
        "free": _paced(10, {"minute": 60, "month": 1_000_000}),
        "startup": _paced(100, {"minute": 600, "month": 10_000_000}),
        "developer": _paced(500, {"minute": 3_000, "month": 100_000_000}),
        "professional": _paced(5_000, {"minute": 30_000, "month": 1_000_000_000}),
    },
    "met-norway": {"free": Plan({"second": 20}, rate=4, burst=4, least=1800)},
    "bright-sky": {"free": Plan({"second": 10}, rate=5, burst=5)},
    "nws": {"free": Plan(rate=2, burst=4)},
}


def plan(provider: str, name: str) -> Plan:
    """Return the plan of a provider by its name; a provider that is not known keeps its own limits."""
    return PLANS.get(provider, {}).get(name, UNLIMITED)


@dataclass(frozen=True, slots=True)
class Load:
    """What the cities that have the same provider first ask of it."""

    plan: Plan
    cities: int
    rate: float  # calls a second
    interval: float  # the shortest of them, in seconds

    def calls(self, window: str) -> float:
        """Return the calls in a window of time; a month has 31 days."""
        return self.rate * WINDOWS[window]

    @property
    def share(self) -> float:
        """What is used of the plan, where it is tightest; more than 1 is too much."""
        shares = (self.calls(window) / limit for window, limit in self.plan.limits.items())
        return max([self.rate / self.plan.rate, *shares])

    @property
    def fits(self) -> bool:
        """Tell whether the plan allows it."""
        return self.share <= 1 + _NOISE

    @property
    def tightest(self) -> str:
        """The window that has the least room, or "second" where only the pace is limited."""
        limits = self.plan.limits
        return max(limits, key=lambda window: self.calls(window) / limits[window], default="second")

    @property
    def fitting(self) -> float:
        """The smallest interval that fits, in whole seconds, for the city that has the shortest one."""
        return self.interval if self.fits else float(math.ceil(self.interval * self.share - _NOISE))


_ASKED = operator.attrgetter("providers", "interval")


def loads(cities: Iterable[City], plans: Mapping[str, Plan]) -> dict[str, Load]:
    """Return what a list asks of each provider, when every city is served by its first one."""
    counts: defaultdict[str, Counter[float]] = defaultdict(Counter)
    for (providers, interval), count in Counter(map(_ASKED, cities)).items():  # a long list has few that differ
        counts[providers[0]][max(interval, plans.get(providers[0], UNLIMITED).least)] += count
    return {
        provider: Load(
            plans.get(provider, UNLIMITED),
            each.total(),
            sum(count / interval for interval, count in each.items()),
            min(each),
        )
        for provider, each in counts.items()
    }
