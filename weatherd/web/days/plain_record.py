"""A city's record as HTML without JavaScript: sentences and a table."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from weatherd.formatting import format_count
from weatherd.journal.days.completeness import MIN_HOURS
from weatherd.text.units import UNITS
from weatherd.web.page.document import render_table
from weatherd.web.page.plain_views import format_cell, name_heads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weatherd.text.display import Display
    from weatherd.web.days.models import DaysModel, PeriodModel, RecordModel

_KINDS = {
    "lowest": ("temperature", "lowest temperature"),
    "highest": ("temperature", "highest temperature"),
    "wettest": ("precipitation", "most rain"),
    "windiest": ("wind_gust", "strongest gust"),
}
_COLUMNS = (
    ("Low ", "temperature"),
    ("Mean ", "temperature"),
    ("High ", "temperature"),
    ("Rain ", "precipitation"),
    ("Gust ", "wind_gust"),
)
_LABELS = {"day": "%a %d %b %Y", "week": "%a %d %b %Y", "month": "%b %Y", "year": "%Y"}


def render_links(city_id: str, span: str) -> str:
    """Return the links to the record of a city, which is read when asked for, because it may have decades of days."""
    links = " ".join(f'<a href="?city={city_id}&amp;span={span}&amp;by={by}">By {by}</a>' for by in _LABELS)
    return f"<p>Record: {links}</p>"


def render_record(found: DaysModel, display: Display) -> str:
    """Return the records and the parts of the calendar of a city as HTML."""
    sentences = [_describe_record(record, display) for record in found.records]
    sentences += [_describe_extreme(record, display) for record in found.extremes]
    heads = ("From", *name_heads(display, *_COLUMNS), "Frost days", "Degree days", "Observed")
    table = render_table(
        f"Record by {found.by}", heads, (_cells(part, found, display) for part in reversed(found.parts))
    )
    texts = "".join(f"<li>{text}</li>" for text in sentences)
    return f"<ul>{texts}</ul>{table}"


def _describe_record(record: RecordModel, display: Display) -> str:
    """Return a sentence about a record of the last day, and what was not observed of it."""
    field, name = _KINDS[record.kind]
    since = _format_date(record.since) if record.since else f"the record began on {_format_date(record.first)}"
    text = f"{_format_date(record.date)} has the {name} since {since}: {display.format(field, record.value)}"
    if record.incomplete:
        days = format_count(record.incomplete, "day", "days")
        return f"{text}{_name_few_hours(record)} ({days} between had fewer than {MIN_HOURS:.0f} observed hours)"
    return text + _name_few_hours(record)


def _describe_extreme(record: RecordModel, display: Display) -> str:
    field, name = _KINDS[record.kind]
    text = f"{name.capitalize()} since {_format_date(record.first)}: {display.format(field, record.value)}"
    return f"{text} on {_format_date(record.date)}{_name_few_hours(record)}"


def _name_few_hours(record: RecordModel) -> str:
    """Return the number of observed hours, unless there are enough."""
    few = record.hours < MIN_HOURS
    return f", in {format_count(record.hours, 'observed hour', 'observed hours')}" if few else ""


def _format_date(text: str) -> str:
    return f"{date.fromisoformat(text):%d %b %Y}"


def _cells(part: PeriodModel, found: DaysModel, display: Display) -> Iterator[str]:
    begin = datetime.fromisoformat(part.begin).astimezone(ZoneInfo(found.timezone))
    yield f'<time datetime="{part.begin}">{begin:{_LABELS[found.by]}}</time>'
    values = (part.low, part.mean, part.high, part.rain, part.gust)
    for (_, field), value in zip(_COLUMNS, values, strict=True):
        yield format_cell(display, field, value, 1)
    yield f"{part.frost_days:,}" if part.days else "–"
    scale = UNITS[display.units]["temperature"].factor
    yield "–" if part.degree_days is None else f"{part.degree_days * scale:,.0f}"
    yield f"{part.hours:.0f} h" if found.by == "day" else f"{part.complete_days:,} whole days"
