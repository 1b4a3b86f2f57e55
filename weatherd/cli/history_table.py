"""Summary of a city's observations: low, high and mean of equal time spans. Pure functions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.observation import Observation

_BARS = "▁▂▃▄▅▆▇█"
_GAP = " "
_MINUTES = (1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7 * 1440, 14 * 1440, 28 * 1440)
_LENGTHS = [60.0 * minutes for minutes in _MINUTES]  # usual lengths of spans in seconds


@dataclass(frozen=True, slots=True)
class Span:
    """Summary of the observations in a time span."""

    begin: datetime
    count: int
    low: float | None  # °C; all three are None without observations
    mean: float | None
    high: float | None
    description: str  # that of the last observation; "" without observations


def choose_span_length(since: datetime, until: datetime, limit: int) -> timedelta:
    """Return the shortest usual length, from a minute to 28 days, that results in at most *limit* spans.

    If 28 days are too short, return a multiple of them.
    """
    length = (until - since).total_seconds()
    usual = next((seconds for seconds in _LENGTHS if length / seconds <= limit), None)
    return timedelta(seconds=usual or math.ceil(length / limit / _LENGTHS[-1]) * _LENGTHS[-1])


def split_into_spans(
    observations: Iterable[Observation], since: datetime, until: datetime, length: timedelta
) -> list[Span]:
    """Split ``[since, until)`` into spans of *length*, including empty ones; the last one may be shorter.

    The first span begins at *since*, which should be a round time. Observations of all providers count equally. An
    observation outside the range counts in the nearest span.
    """
    count = max(1, math.ceil((until - since) / length))
    groups: list[list[Observation]] = [[] for _ in range(count)]
    for observation in observations:
        groups[min(count - 1, max(0, (observation.observed_at - since) // length))].append(observation)
    return [_summarize(since + index * length, group) for index, group in enumerate(groups)]


def trim_spans(spans: Sequence[Span]) -> list[Span]:
    """Return the spans from the first to the last one with observations, including empty ones between them."""
    filled = [index for index, span in enumerate(spans) if span.count]
    return list(spans[filled[0] : filled[-1] + 1]) if filled else []


def _summarize(begin: datetime, group: Sequence[Observation]) -> Span:
    if not group:
        return Span(begin, 0, None, None, None, "")
    values = [observation.temperature for observation in group]
    return Span(begin, len(group), min(values), math.fsum(values) / len(values), max(values), group[-1].description)


def draw_sparkline(spans: Sequence[Span]) -> str:
    """Return one bar character per span, scaled between the lowest and the highest mean; a space for an empty span."""
    means = [span.mean for span in spans if span.mean is not None]
    if not means:
        return ""
    low, width = min(means), max(means) - min(means)

    def draw_bar(mean: float | None) -> str:
        if mean is None:
            return _GAP
        return _BARS[round((mean - low) / width * (len(_BARS) - 1))] if width else _BARS[0]

    return "".join(draw_bar(span.mean) for span in spans)


def round_down(moment: datetime, length: timedelta) -> datetime:
    """Return the last multiple of *length* after midnight, in the time zone of *moment*."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // length * length
