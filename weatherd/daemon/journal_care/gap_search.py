"""The filler of gaps in the journal, and its search in the background of the daemon."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from weatherd.pipeline.quality.past_rows import judge_past
from weatherd.polling.backfill.background import search_gaps
from weatherd.polling.backfill.gap_filler import GapFiller

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from weatherd.config.sections.quality import QualitySection
    from weatherd.daemon.parts import Parts
    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.journal import Journal
    from weatherd.observation import Observation
    from weatherd.providers import Provider
    from weatherd.providers.past import PastTraits
    from weatherd.quota.limiter import RateLimiter
    from weatherd.quota.planner import Planner


def make_filler(  # noqa: PLR0917
    providers: Mapping[str, Provider],
    pasts: Mapping[str, PastTraits],
    limiters: Mapping[str, RateLimiter],
    journal: Journal,
    planner: Planner,
    now: Callable[[], datetime],
    find_limits: Callable[[], QualitySection],
) -> GapFiller:
    """Return a filler that adds to *journal*, with the quality of each observation by the limits at the time."""

    async def add(observations: Sequence[Observation]) -> int:
        return (await journal.add_past([*judge_past(observations, find_limits())])).stored

    return GapFiller(
        providers=providers, pasts=pasts, limiters=limiters, add=add, now=now, find_interval=planner.interval
    )


def fill_journal_gaps(parts: Parts, status: DaemonStatus) -> Coroutine[Any, Any, None]:
    """Fill the gaps of all cities, for ever."""
    settings = parts.configuration.settings
    filler = make_filler(
        parts.providers,
        parts.pasts,
        parts.limiters,
        parts.journal,
        parts.planner,
        parts.now,
        lambda: parts.quality.limits,
    )

    def is_failing(city_id: str) -> bool:
        poll = status.history.last_poll(city_id)
        return poll is not None and poll.failures > 0

    return search_gaps(
        filler,
        parts.registry,
        parts.latest,
        parts.journal.open_reader,
        list_cities=parts.polled_cities,
        find_begin=parts.cluster.polled_until if parts.cluster else lambda _: -math.inf,
        retention=settings.retention.raw,  # in the part that is kept hourly, each hour would be a gap
        is_failing=is_failing,
        on_filled=parts.alerts.read_again if parts.alerts else lambda _: None,
    )
