"""The span of a series in a request to Open-Meteo: steps around the present one, or from one time to another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weatherd.simulator.query import Query, RejectedRequestError, last_value, parse_whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

_DAY = 86400.0
MAX_PAST_DAYS = 93
_STEPS = {"minutely_15": ("minutely_15", 900.0, 3), "hourly": ("hour", 3600.0, 16)}  # parameter, step, days by default
_DAYS = ("past_days", "forecast_days")


@dataclass(frozen=True, slots=True)
class StepSpan:
    """The steps before the present one and from it on, or the local times (POSIX seconds) of the first and the last."""

    past: int = 0
    coming: int = 0
    bounds: tuple[float, float] | None = None


def parse_spans(query: Query) -> Mapping[str, StepSpan]:
    """Return the span of each section that has one. Raise RejectedRequestError for an invalid parameter.

    If only the past steps are given, the coming ones are as many as the service has.
    """
    return {section: span for section in _STEPS if (span := _parse_span(query, section))}


def _parse_span(query: Query, section: str) -> StepSpan | None:
    name, step, days = _STEPS[section]
    counted = f"{name}s" if name == "hour" else name
    past, coming, start, end = f"past_{counted}", f"forecast_{counted}", f"start_{name}", f"end_{name}"
    if last_value(query, start) or last_value(query, end):
        for other in (past, coming, *_DAYS):
            if last_value(query, other):
                raise RejectedRequestError(f"Parameter '{other}' is mutually exclusive with '{start}' and '{end}'")
        return StepSpan(bounds=_check_order(_read_local_time(query, start), _read_local_time(query, end), end))
    if not last_value(query, past) and not last_value(query, coming):
        return None
    steps_a_day = int(_DAY / step)
    return StepSpan(
        read_count(query, past, 0, MAX_PAST_DAYS * steps_a_day),
        read_count(query, coming, days * steps_a_day, 16 * steps_a_day),
    )


def read_count(query: Query, name: str, default: int, limit: int) -> int:
    """Return a whole number of the query. Raise RejectedRequestError if it is above *limit*, or no such number."""
    text = last_value(query, name) or str(default)
    count = parse_whole_number(text)
    if count is None or count > limit:
        title = name.replace("_", " ").capitalize()
        raise RejectedRequestError(f"{title} is invalid. Allowed range 0 to {limit}. Given {text}.")
    return count


def _read_local_time(query: Query, name: str) -> float:
    try:
        return datetime.fromisoformat(last_value(query, name)).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise RejectedRequestError(f"Invalid time format for parameter '{name}'") from None


def _check_order(start: float, end: float, name: str) -> tuple[float, float]:
    if end < start:
        raise RejectedRequestError(f"Parameter '{name}' must be equal to or after its start")
    return start, end
