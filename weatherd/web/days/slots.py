"""The days of the journal in the charts of the page. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.journal.days.calendar import SECOND_MICROS, make_day
from weatherd.web.page.models import SlotsModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from weatherd.journal.days.summary import Day


def merge_day_slots(slots: SlotsModel, days: Iterable[Day], zone: tzinfo) -> SlotsModel:
    """Return the slots of days with the values of the journal's days, also of those whose observations were deleted."""
    columns = slots.model_dump()
    rows: dict[int, dict[str, Any]] = {
        begin: {name: column[index] for name, column in columns.items()} for index, begin in enumerate(slots.begin)
    }
    for day in days:
        if day.mean is None:  # all temperatures are suspect
            continue
        span = make_day(day.date, zone)
        begin, end = span.begin // SECOND_MICROS, span.end // SECOND_MICROS
        providers = day.providers.split(",")
        row = rows.setdefault(begin, dict.fromkeys(columns) | {"provider": providers[-1], "suspect": False})
        row |= {"begin": begin, "end": end, "low": day.low, "high": day.high, "wind_gust": day.gust}
        row |= {"temperature": round(day.mean, 2), "hours": round(day.hours, 1)}
        row["precipitation"] = None if day.rain is None else round(day.rain, 2)
    ordered = [rows[begin] for begin in sorted(rows)]
    return SlotsModel(**{name: [row[name] for row in ordered] for name in columns})


def list_times(days: Sequence[Day]) -> list[float]:
    """Return the POSIX times of the first and the last observation of each day."""
    return [at / SECOND_MICROS for day in days for at in (day.first_at, day.last_at)]
