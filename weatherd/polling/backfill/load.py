"""The requests that the gaps of a list may need, compared with what its polls leave of the plans: pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from weatherd.polling.backfill.shared_requests import find_city_limit
from weatherd.quota.planner import RETRY_RESERVE
from weatherd.quota.plans import UNLIMITED, WINDOW_SECONDS
from weatherd.quota.spare import find_pace
from weatherd.quota.usage import USABLE_SHARE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weatherd.city import City
    from weatherd.providers.past import PastTraits
    from weatherd.quota.load import ProviderLoad


class PastLoad(NamedTuple):
    """What one service may be asked for the past."""

    cities: int
    calls: int  # that fill all of their time once, for example after the cities were added
    spare: float  # calls a day that the polls leave; infinity without a limit
    seconds: float  # that it takes at least, beside the polls; infinity if they leave no calls


def find_past_loads(
    cities: Iterable[City],
    pasts: Mapping[str, PastTraits],
    loads: Mapping[str, ProviderLoad],
    retention: float | None = None,
) -> dict[str, PastLoad]:
    """Return the load on each service by the past of the cities that ask it first. *loads* are those of their polls.

    Nothing is requested from before *retention* (seconds; None: for ever).
    """
    kept = math.inf if retention is None else retention
    counts, calls, seconds = Counter[str](), Counter[str](), defaultdict[str, float](float)
    for city in cities:
        name = next((name for name in city.providers if name in pasts), None)
        if name and city.backfill:
            traits, plan = pasts[name], loads[name].plan if name in loads else UNLIMITED
            length = min(city.backfill, traits.reach, kept)
            pace = find_pace(plan.rate, find_city_limit(min(length, traits.span), traits))
            counts[name] += 1
            calls[name] += (requests := math.ceil(length / traits.span))
            seconds[name] += requests * pace.rest / pace.calls
    spare = {name: _find_spare(loads.get(name)) for name in counts}
    return {
        name: PastLoad(counts[name], calls[name], spare[name], max(seconds[name], _wait(calls[name], spare[name])))
        for name in counts
    }


def _wait(calls: int, spare: float) -> float:
    """Return the seconds until the plan has left *calls* calls: none if those of a day are enough."""
    days = calls / spare if spare else math.inf
    return days * WINDOW_SECONDS["day"] if days > 1 else 0.0


def count_pastless(cities: Iterable[City], pasts: Mapping[str, PastTraits]) -> int:
    """Return the number of cities that want their gaps filled, and have no provider with a past."""
    return sum(bool(city.backfill) and pasts.keys().isdisjoint(city.providers) for city in cities)


def _find_spare(load: ProviderLoad | None) -> float:
    plan = load.plan if load else UNLIMITED
    limit = plan.limits.get("day", math.inf)
    polls = min(load.calls_per("day"), limit / RETRY_RESERVE) if load else 0.0  # a list that is too long is stretched
    return max(0.0, USABLE_SHARE * limit - polls)
