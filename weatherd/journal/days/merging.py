"""The merge of stored days with computed ones, when some of their observations were deleted. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from weatherd.journal.days.calendar import LocalDay
    from weatherd.journal.days.summary import Day


def complete_days(
    stored: Mapping[date, Day], computed: Mapping[date, Day], spans: Iterable[LocalDay], raw_since: int
) -> dict[date, Day]:
    """Return the stored days with those of *spans* replaced by what was computed from the observations.

    Observations before *raw_since* (POSIX microseconds) may have been deleted: such days are merged.
    """
    days = dict(stored)
    for span in spans:
        before, now = days.pop(span.date, None), computed.get(span.date)
        chosen = merge_days(before, now) if before and span.begin < raw_since else now
        if chosen:
            days[span.date] = chosen
    return days


def merge_days(stored: Day, computed: Day | None) -> Day:
    """Return the summary of a day that may have lost observations since it was stored.

    A computed one that has at least as many observations replaces it, such as after an import of an export. Otherwise
    its extremes, services and times are merged into the stored one, whose mean, rain and counts stay, because nobody
    knows which of their observations it had already.
    """
    if computed is None:
        return stored
    if computed.observations >= stored.observations:
        return computed
    merged = stored._replace(
        first_at=min(stored.first_at, computed.first_at),
        last_at=max(stored.last_at, computed.last_at),
        providers=",".join(sorted({*stored.providers.split(","), *computed.providers.split(",")})),
    )
    if computed.low is not None and (stored.low is None or computed.low < stored.low):
        merged = merged._replace(low=computed.low, low_at=computed.low_at)
    if computed.high is not None and (stored.high is None or computed.high > stored.high):
        merged = merged._replace(high=computed.high, high_at=computed.high_at)
    if computed.gust is not None and (stored.gust is None or computed.gust > stored.gust):
        merged = merged._replace(gust=computed.gust)
    return merged
