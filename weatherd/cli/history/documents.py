"""A city's history for programs: JSON documents and rows of CSV, in metric units and UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.cli.history.days import to_datetime
from weatherd.formatting import format_rfc3339, to_dict
from weatherd.journal.days.calendar import find_midnight
from weatherd.observation import FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from weatherd.cli.history.days import DayHistory
    from weatherd.cli.history.query import CityHistory
    from weatherd.cli.history.spans import Span
    from weatherd.cli.lookup import RecordedCity
    from weatherd.journal.days.periods import Period
    from weatherd.journal.days.records import Record

SPAN_KEYS = ("begin", "end", "count", "low", "mean", "high", "rain", "gust", "description")
PERIOD_KEYS = (
    *(
        "begin",
        "end",
        "days",
        "complete_days",
        "count",
        "low",
        "low_at",
        "mean",
        "high",
        "high_at",
        "rain",
        "gust",
        "hours",
    ),
    *("frost_days", "degree_days", "first", "last", "providers"),
)
_SUMMARY_KEYS = ("count", "low", "mean", "high", "rain", "gust")
_DAY_SUMMARY_KEYS = ("days", "complete_days", *_SUMMARY_KEYS, "low_at", "high_at", "hours", "frost_days", "degree_days")


def build_history_document(found: CityHistory) -> dict[str, Any]:
    """Return the summary of a history, and its hours or else its observations."""
    (whole,) = found.split([found.since])
    summary = _build_span(whole, found.until)
    document = describe_range(found.city, found.since, found.until) | {key: summary[key] for key in _SUMMARY_KEYS}
    if found.begins:
        return document | {"by": "hour", "parts": list_rows(found)}
    return document | {"observations": list_rows(found)}


def list_rows(found: CityHistory) -> list[dict[str, Any]]:
    """Return the hours of a history if it has them, or else its observations."""
    if not found.begins:
        return [to_dict(observation) for observation in found.observations]
    ends = [*found.begins[1:], found.until]
    return [_build_span(span, end) for span, end in zip(found.split(found.begins), ends, strict=True)]


def name_columns(found: CityHistory) -> Sequence[str]:
    """Return the keys of the rows."""
    return SPAN_KEYS if found.begins else FIELDS


def build_day_document(found: DayHistory) -> dict[str, Any]:
    """Return the summary of a history, and its parts of the calendar."""
    summary = _build_period(found.whole, found.city.zone)
    document = describe_range(found.city, found.since, found.until) | {key: summary[key] for key in _DAY_SUMMARY_KEYS}
    document |= {"by": found.part, "parts": list_periods(found)}
    return document | {"records": list_records(found.records), "extremes": list_records(found.extremes)}


def list_periods(found: DayHistory) -> list[dict[str, Any]]:
    """Return the parts of the calendar."""
    return [_build_period(period, found.city.zone) for period in found.periods]


def list_records(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return records with their dates as texts."""
    names = {"day": "date", "since": "since", "first": "first"}
    return [
        {"kind": record.kind, "value": round(record.value, 3)}
        | {name: day and day.isoformat() for key, name in names.items() for day in (getattr(record, key),)}
        | {"hours": round(record.hours, 3), "incomplete": record.incomplete}
        for record in records
    ]


def describe_range(city: RecordedCity, since: datetime, until: datetime) -> dict[str, Any]:
    """Return a city and a range of time for a document."""
    document = {"city": city.id, "name": city.name, "timezone": str(city.zone)}
    return document | {"since": format_rfc3339(since), "until": format_rfc3339(until)}


def _build_span(span: Span, end: datetime) -> dict[str, Any]:
    """Return a span for programs; numbers that were computed are rounded, because their errors are not data."""
    row: dict[str, Any] = {"begin": format_rfc3339(span.begin), "end": format_rfc3339(end), "count": span.count}
    row |= {"low": span.low, "mean": _round(span.mean), "high": span.high, "rain": _round(span.rain), "gust": span.gust}
    return row | {"description": span.description}


def _build_period(period: Period, zone: tzinfo) -> dict[str, Any]:
    values = period._asdict()
    begin, end = (find_midnight(day, zone) for day in (period.begin, period.end))
    times = {"begin": begin, "end": end, "first": period.first_at, "last": period.last_at}
    times |= {name: values[name] for name in ("low_at", "high_at")}
    values |= {name: None if at is None else format_rfc3339(to_datetime(at)) for name, at in times.items()}
    values |= {name: _round(values[name]) for name in ("mean", "rain", "hours", "degree_days")}
    values |= {"count": period.observations, "providers": " ".join(period.providers)}
    return {key: values[key] for key in PERIOD_KEYS}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
