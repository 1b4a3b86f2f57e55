"""A city's days, weeks, months or years as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from weatherd.cli.history.days import to_datetime
from weatherd.cli.history.report import format_number, join_parts
from weatherd.cli.history.spans import draw_bars
from weatherd.cli.screen import wrap_text
from weatherd.cli.table import Column, format_table
from weatherd.formatting import format_count
from weatherd.journal.days.completeness import MIN_HOURS
from weatherd.journal.days.periods import HEATING_BASE
from weatherd.text.units import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.cli.history.days import DayHistory
    from weatherd.journal.days.periods import Period
    from weatherd.journal.days.records import Record
    from weatherd.text.display import Display

_SPARKLINE_WIDTH = 60
_RECORDS = {
    "lowest": ("the lowest temperature", "temperature"),
    "highest": ("the highest temperature", "temperature"),
    "wettest": ("the most rain", "precipitation"),
    "windiest": ("the strongest gust", "wind_gust"),
}
_LABELS = {"day": "%a %d %b %Y", "week": "%a %d %b %Y", "month": "%b %Y", "year": "%Y"}


def format_day_history(history: DayHistory, display: Display, width: int | None) -> Iterator[str | Text]:
    """Yield the lines of a history: a summary, and a table with a row for each part of the calendar."""
    city, begin, end = history.city, *(at.astimezone(history.city.zone) for at in (history.since, history.until))
    heading = f"{city.name}: {begin:%d %b %Y %H:%M %Z} to {end:%d %b %Y %H:%M %Z}"
    yield from (Text(line, "bold") for line in wrap_text(heading, width))
    if not history.whole.days:
        yield "no observations"
        return
    rows = _trim(history.periods)
    means = [row.mean for row in rows]
    yield Text(draw_bars(means[-min(_SPARKLINE_WIDTH, width or _SPARKLINE_WIDTH) :]).rstrip(), "cyan")
    yield from join_parts(list(_summarize(history, display)), width)
    for record in history.records:
        yield from wrap_text(_describe_record(record, display), width)
    if history.extremes:
        yield from join_parts(list(_list_extremes(history.extremes, display)), width)
    yield from _build_table(rows, history.part, display, width)


def _trim(periods: Sequence[Period]) -> list[Period]:
    """Return the parts from the first to the last one with observations, and of a gap between them only the first."""
    known = [index for index, period in enumerate(periods) if period.days]
    inside = range(known[0], known[-1] + 1)
    return [periods[index] for index in inside if periods[index].days or periods[index - 1].days]


def _summarize(history: DayHistory, display: Display) -> Iterator[str]:
    whole, zone = history.whole, history.city.zone
    for name, value, at in (("low", whole.low, whole.low_at), ("high", whole.high, whole.high_at)):
        if at is not None:
            moment = to_datetime(at).astimezone(zone)
            yield f"{name} {display.format('temperature', value)} ({moment:%d %b %Y %H:%M})"
    yield f"mean {display.format('temperature', whole.mean)}"
    if whole.rain is not None:
        yield f"rain {display.format('precipitation', whole.rain)}"
    if whole.gust is not None:
        yield f"gust {display.format('wind_gust', whole.gust)}"
    yield format_count(whole.observations, "observation", "observations")
    yield format_count(whole.frost_days, "frost day", "frost days")
    if whole.degree_days is not None:
        base = display.format("temperature", HEATING_BASE, 0)
        yield f"{whole.degree_days * UNITS[display.units]['temperature'].factor:.0f} heating degree days (base {base})"


def _describe_record(record: Record, display: Display) -> str:
    """Return a sentence; it says what was not observed, because that may have been lower or higher."""
    name, field = _RECORDS[record.kind]
    since = f"{record.since:%d %b %Y}" if record.since else f"the record began on {record.first:%d %b %Y}"
    text = f"{record.day:%d %b %Y} has {name} since {since}: {display.format(field, record.value)}"
    if record.hours < MIN_HOURS:
        text = f"{text}, in {_count_hours(record)}"
    if record.incomplete:
        days = format_count(record.incomplete, "day", "days")
        text = f"{text} ({days} between had fewer than {MIN_HOURS:.0f} observed hours)"
    return text


def _list_extremes(extremes: Sequence[Record], display: Display) -> Iterator[str]:
    yield f"all days since {extremes[0].first:%d %b %Y}:"
    for record in extremes:
        few = f", {_count_hours(record)}" if record.hours < MIN_HOURS else ""
        yield f"{record.kind} {display.format(_RECORDS[record.kind][1], record.value)} ({record.day:%d %b %Y}{few})"
    if incomplete := max(record.incomplete for record in extremes):
        yield f"{format_count(incomplete, 'day', 'days')} with fewer than {MIN_HOURS:.0f} observed hours"


def _count_hours(record: Record) -> str:
    return format_count(round(record.hours), "observed hour", "observed hours")


def _build_table(rows: Sequence[Period], part: str, display: Display, width: int | None) -> list[Text]:
    units = UNITS[display.units]

    def make_column(name: str, field: str, values: Sequence[float | None], rank: int = 0) -> Column:
        return Column(name, [format_number(value, units[field]) for value in values], rank, is_number=True)

    def make_count(name: str, values: Sequence[float | None], rank: int) -> Column:
        texts = ["–" if value is None else f"{value:.0f}" for value in values]
        return Column(name, texts, rank, is_number=True)

    scale = units["temperature"].factor
    columns = [
        Column("from", [format(row.begin, _LABELS[part]) for row in rows]),
        make_column("low", "temperature", [row.low for row in rows]),
        make_column("mean", "temperature", [row.mean for row in rows]),
        make_column("high", "temperature", [row.high for row in rows]),
    ]
    if any(row.rain is not None for row in rows):
        columns.append(
            make_column(f"rain {units['precipitation'].symbol}", "precipitation", [row.rain for row in rows], 2)
        )
    if any(row.gust is not None for row in rows):
        columns.append(make_column(f"gust {units['wind_gust'].symbol}", "wind_gust", [row.gust for row in rows], 3))
    if part != "day":
        columns.append(make_count("frost days", [row.frost_days if row.days else None for row in rows], 4))
    degree_days = [row.degree_days and row.degree_days * scale for row in rows]
    columns += [
        make_count("degree days", degree_days, 5),
        make_count("hours", [row.hours if row.days else None for row in rows], 6),
        make_count("observations", [row.observations or None for row in rows], 7),
    ]
    return format_table(columns, width)
