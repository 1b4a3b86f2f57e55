"""The polls that bring nothing new, because a fixed interval is shorter than the distance of a service's values."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weatherd.freshness import PUBLICATIONS
from weatherd.quota.plans import UNLIMITED
from weatherd.text.auto_interval import AutoInterval
from weatherd.text.duration import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.quota.load import CityGroups
    from weatherd.quota.plans import Plan

_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class RepeatLoad:
    """The polls a day of the cities with a fixed interval and this first provider."""

    period: float  # usual seconds between two values of the service
    polls: float
    repeats: float  # polls that bring nothing new
    calls: float  # that ``interval: auto`` would save; fewer if the service is not asked at each poll

    @property
    def share(self) -> float:
        """The share of polls that bring nothing new."""
        return self.repeats / self.polls

    def __str__(self) -> str:
        """Return a sentence without the provider."""
        text = f"{self.share:.0%} of its polls bring nothing new, because it has a new value every"
        saved = f"{self.calls:,.0f} {'call' if round(self.calls) == 1 else 'calls'} per day"
        return f"{text} {format_duration(self.period)}; interval: auto would save {saved}"

    def to_json(self) -> dict[str, float]:
        """Return the share, the period in seconds and the calls saved per day."""
        return {"share": round(self.share, 3), "period": self.period, "saved_by_auto": round(self.calls)}


def sum_repeats(groups: CityGroups, plans: Mapping[str, Plan], factors: Mapping[str, float]) -> dict[str, RepeatLoad]:
    """Return the repeats by provider, for those whose usual times are known and that some city polls too often.

    *factors* are those by which the intervals of some providers are stretched.
    """
    sums: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for (providers, interval), cities in groups.items():
        provider = providers[0]
        if isinstance(interval, AutoInterval) or provider not in PUBLICATIONS:
            continue
        needed, factor = _DAY / PUBLICATIONS[provider].period, factors.get(provider, 1.0)
        min_interval = plans.get(provider, UNLIMITED).min_interval
        polls = _DAY / (max(interval, min_interval) * factor if factor > 1 else interval)
        calls = _DAY / (max(interval, min_interval) * factor)
        found = (polls, max(0.0, polls - needed), max(0.0, calls - needed))
        sums[provider] = [total + cities * value for total, value in zip(sums[provider], found, strict=True)]
    return {
        provider: RepeatLoad(PUBLICATIONS[provider].period, polls, repeats, calls)
        for provider, (polls, repeats, calls) in sums.items()
        if repeats
    }
