"""The quota plans of the weather services: calls per window, sending rate and burst."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WINDOW_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "month": 31 * 86400.0}
WINDOW_LABEL = {name: f"{'an' if name == 'hour' else 'a'} {name}" for name in WINDOW_SECONDS}  # "60 calls a minute"


@dataclass(frozen=True, slots=True)
class Plan:
    """The limits of a service's plan, and the sending rate that keeps weatherd below them.

    One city counts as one call, even when a request carries several cities, because that is how the services count.

    Raises ValueError for an unknown window and for a value out of range, because plug-ins create plans.
    """

    limits: Mapping[str, int] = field(default_factory=dict)  # calls by window: {"minute": 60, "month": 1_000_000}
    rate: float = math.inf  # calls per second in the long run
    burst: float = math.inf  # calls that may be sent at once
    min_interval: float = 0.0  # seconds between two requests for the same city

    def __post_init__(self) -> None:
        for window, limit in self.limits.items():
            if window not in WINDOW_SECONDS:
                raise ValueError(f"a plan's window is one of {', '.join(WINDOW_SECONDS)}, not {window!r}")
            check_count(f"limits[{window!r}]", limit)
        check_trait("rate", self.rate, "a number above 0", valid=self.rate > 0)
        check_trait("burst", self.burst, "a number above 0", valid=self.burst > 0)
        rule = "a finite number of seconds, at least 0"
        check_trait("min_interval", self.min_interval, rule, valid=0 <= self.min_interval < math.inf)


def check_trait(name: str, value: object, rule: str, *, valid: bool) -> None:
    """Raise ValueError with the name and the value of a plug-in's attribute and the violated rule, unless *valid*."""
    if not valid:
        raise ValueError(f"{name} has to be {rule}, not {value!r}")


def check_count(name: str, value: object) -> None:
    """Raise ValueError unless the value of a plug-in's attribute is an integer above 0."""
    check_trait(name, value, "an integer above 0", valid=isinstance(value, int) and value > 0)


def _build_plan(burst: float, limits: Mapping[str, int]) -> Plan:
    """Return a plan whose rate and burst together never exceed the limit of the shortest window.

    That holds for any 60 s, not only for a calendar minute: burst + 60 * rate <= limit. 5 % is held back, because
    requests may arrive closer together than they were sent.
    """
    shortest = min(limits, key=WINDOW_SECONDS.__getitem__)
    return Plan(limits, rate=0.95 * (limits[shortest] - burst) / WINDOW_SECONDS[shortest], burst=burst)


UNLIMITED = Plan()

# Sources: https://open-meteo.com/en/pricing, https://openweathermap.org/price,
# https://docs.api.met.no/doc/TermsOfService.html (20 requests a second for all installations of a program together),
# https://brightsky.dev (10 requests a second, bursts of 50). The National Weather Service publishes no limit.
# https://aviationweather.gov/data/api/ allows 100 requests a minute, each for at most 400 stations, and wants far
# fewer: weatherd requests at most 400 stations a minute.
# MET Norway updates a forecast about every 30 minutes, hence its min_interval.
PLANS: Mapping[str, Mapping[str, Plan]] = {
    "open-meteo": {
        "free": _build_plan(100, {"minute": 600, "hour": 5_000, "day": 10_000}),
        "standard": Plan({"month": 1_000_000}, rate=50, burst=500),
        "professional": Plan({"month": 5_000_000}, rate=50, burst=500),
    },
    "openweathermap": {
        "free": _build_plan(10, {"minute": 60, "month": 1_000_000}),
        "startup": _build_plan(100, {"minute": 600, "month": 10_000_000}),
        "developer": _build_plan(500, {"minute": 3_000, "month": 100_000_000}),
        "professional": _build_plan(5_000, {"minute": 30_000, "month": 1_000_000_000}),
    },
    "met-norway": {"free": Plan({"second": 20}, rate=4, burst=4, min_interval=1800)},
    "bright-sky": {"free": Plan({"second": 10}, rate=5, burst=5)},
    "nws": {"free": Plan(rate=2, burst=4)},
    "metar": {"free": Plan(rate=400 / 60, burst=400)},
}

# Services of which only the official warnings are used: 10,000 calls a month, https://docs.pirateweather.net
WARNING_PLANS: Mapping[str, Mapping[str, Plan]] = {
    "pirate-weather": {"free": _build_plan(20, {"month": 10_000})},
}


def find_plan(provider: str, name: str) -> Plan:
    """Return the plan *name* of a service, or UNLIMITED for an unknown service or plan.

    A plug-in is not in PLANS; its plan is part of its ``provider_traits``.
    """
    return (PLANS.get(provider) or WARNING_PLANS.get(provider, {})).get(name, UNLIMITED)
