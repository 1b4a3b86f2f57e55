"""The history of cities: curves of the last day, and the charts of one city."""

from __future__ import annotations

import asyncio
import zoneinfo
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from weatherd.observation import OK, find_suspect_fields
from weatherd.text.local_zone import load_zone
from weatherd.web.days.slots import list_times, merge_day_slots
from weatherd.web.page.models import ChartModel, CurveModel, CurvesModel
from weatherd.web.page.slots import (
    CHART_COLUMNS,
    HistoryRow,
    choose_gap_length,
    find_gaps,
    find_hours,
    find_midnights,
    group_rows,
    keep_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, tzinfo

    from weatherd.city import City
    from weatherd.journal.days.summary import Day

CURVE_STEPS = 72
CURVE_STEP = 1200  # seconds
_DAY = 86400.0
_ONE_DAY = timedelta(days=1)
_EXTREME_DAYS = 90
_TEMPERATURE = ("temperature", "quality")
SPANS = {"24h": 1, "7d": 7, "90d": 90, "1y": 365}  # days
_STEPS = {"24h": "raw", "7d": "hour", "90d": "day", "1y": "day"}


class ColumnReader(Protocol):
    """What reads columns and days of the journal."""

    async def read_days(self, city: str, zone: tzinfo, since: date, until: date) -> list[Day]:
        """Return a city's days with observations, from the date *since* to the one before *until*."""

    async def read_columns(
        self, cities: Sequence[str], columns: Sequence[str], since: datetime, until: datetime
    ) -> list[tuple[Any, ...]]:
        """Return rows of city, ``observed_at`` in POSIX seconds and *columns*, in order of time."""


async def read_curves(
    reader: ColumnReader, cities: Sequence[str], now: datetime, interval_of: Callable[[str], float]
) -> CurvesModel:
    """Return the last 24 hours of cities."""
    begin = (int(now.timestamp()) // CURVE_STEP + 1 - CURVE_STEPS) * CURVE_STEP
    times: dict[str, list[float]] = defaultdict(list)
    temperatures: dict[str, list[float]] = defaultdict(list)
    rows = await reader.read_columns(cities, _TEMPERATURE, datetime.fromtimestamp(begin, UTC), _after(now))
    for city, at, temperature, quality in rows:
        if quality == OK or "temperature" not in find_suspect_fields(quality):
            times[city].append(at)
            temperatures[city].append(temperature)
    curves = {
        city: _make_curve(begin, times[city], temperatures[city], interval_of(city)) for city in cities if times[city]
    }
    return CurvesModel(begin=begin, step=CURVE_STEP, curves=curves)


def _make_curve(begin: int, times: Sequence[float], temperatures: Sequence[float], interval: float) -> CurveModel:
    values: list[int | None] = [None] * CURVE_STEPS
    for at, temperature in zip(times, temperatures, strict=True):
        values[min(CURVE_STEPS - 1, int(at - begin) // CURVE_STEP)] = round(temperature * 10)
    gap = max(2, int(choose_gap_length(times, interval) / CURVE_STEP + 1))
    return CurveModel(values=values, low=round(min(temperatures) * 10), high=round(max(temperatures) * 10), gap=gap)


async def read_chart(reader: ColumnReader, city: City, span: str, now: datetime, interval: float) -> ChartModel:
    """Return a city's history of a span; *interval* is that of its polls in seconds."""
    zone, end = find_zone(city), now.timestamp()
    wanted = _find_begin(end, SPANS[span], zone)
    week = find_midnights(end - 6 * _DAY, end, zone)
    since, step = min(week[0], wanted), _STEPS[span]
    rows = await reader.read_columns([city.id], CHART_COLUMNS, datetime.fromtimestamp(since, UTC), _after(now))
    tomorrow, longest = now.astimezone(zone).date() + _ONE_DAY, max(SPANS[span], _EXTREME_DAYS)
    days = await reader.read_days(city.id, zone, tomorrow - longest * _ONE_DAY, tomorrow)
    extreme_days = [day for day in days if day.date >= tomorrow - _EXTREME_DAYS * _ONE_DAY]
    shown_days = [day for day in days if step == "day" and day.date >= tomorrow - SPANS[span] * _ONE_DAY]
    week_days = [day for day in days if day.date >= tomorrow - 7 * _ONE_DAY]

    def build() -> ChartModel:
        kept = [HistoryRow(*row) for row in rows]
        shown = [row for row in kept if row.at >= wanted]
        midnights = find_midnights(wanted, end, zone)
        edges = midnights if step == "day" else find_hours(midnights)
        times = sorted([*(row.at for row in shown), *list_times(shown_days)])
        return ChartModel(
            city=city.id,
            span=span,
            zone=str(zone),
            begin=int(wanted),
            end=int(end),
            step=step,
            slots=keep_rows(shown) if step == "raw" else merge_day_slots(group_rows(shown, edges), shown_days, zone),
            hours=group_rows(shown, edges) if step == "raw" else None,
            days=merge_day_slots(group_rows(kept, week), week_days, zone),
            gaps=find_gaps(times, wanted, end, _DAY if step == "day" else interval),
            midnights=[at for at in midnights if wanted <= at <= end],
            lowest=min((day.low for day in extreme_days if day.low is not None), default=None),
            highest=max((day.high for day in extreme_days if day.high is not None), default=None),
        )

    return await asyncio.to_thread(build)  # because a year has 50,000 observations


def _find_begin(end: float, days: int, zone: tzinfo) -> float:
    """Return the start of a span: 24 hours ago, or the midnight that many days before the next one."""
    return end - _DAY if days == 1 else float(find_midnights(end - (days - 1) * _DAY, end, zone)[0])


def _after(now: datetime) -> datetime:
    return now + timedelta(hours=2)  # because some services' clocks are ahead


def find_zone(city: City) -> tzinfo:
    """Return the time zone of a city, or this machine's; UTC if that has no name, which a browser needs."""
    zone = load_zone(city.timezone)
    return zone if isinstance(zone, zoneinfo.ZoneInfo) and zone.key else UTC
