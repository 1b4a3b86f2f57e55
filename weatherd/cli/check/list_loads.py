"""The requests that a list of cities needs, of every kind: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weatherd.polling.backfill.load import count_pastless, find_past_loads
from weatherd.polling.compared_services import find_compared_loads
from weatherd.quota.load import group_cities, provider_loads
from weatherd.quota.planner import RETRY_RESERVE
from weatherd.quota.repeats import sum_repeats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.city import City
    from weatherd.polling.backfill.load import PastLoad
    from weatherd.polling.compared_services import ComparedLoad
    from weatherd.providers.past import PastTraits
    from weatherd.quota.load import ProviderLoad
    from weatherd.quota.plans import Plan
    from weatherd.quota.repeats import RepeatLoad
    from weatherd.warnings.request_load import WarningLoad


@dataclass(frozen=True, slots=True)
class ListLoads:
    """The requests of a list, by provider."""

    polls: Mapping[str, ProviderLoad]  # which get what official warnings leave of the plan
    repeats: Mapping[str, RepeatLoad]
    warnings: Mapping[str, WarningLoad]
    compared: Mapping[str, ComparedLoad]
    past: Mapping[str, PastLoad]
    pastless: int  # cities whose gaps no provider can fill


def find_list_loads(
    cities: Sequence[City],
    plans: Mapping[str, Plan],
    warnings: Mapping[str, WarningLoad],
    pasts: Mapping[str, PastTraits],
    retention: float | None,
) -> ListLoads:
    """Return the requests of a list. No gap is filled before *retention* (seconds; None: for ever)."""
    groups = group_cities(cities)
    polls = provider_loads(groups, plans, {name: load.rate for name, load in warnings.items()})
    factors = {name: load.share * RETRY_RESERVE for name, load in polls.items() if not load.fits}
    return ListLoads(
        polls,
        sum_repeats(groups, plans, factors),
        warnings,
        find_compared_loads(cities),
        find_past_loads(cities, pasts, polls, retention),
        count_pastless(cities, pasts),
    )
