"""Summary of a city's observations: low, high and mean of equal time spans. Pure functions."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from weatherd.observation import Observation

_BARS = "▁▂▃▄▅▆▇█"
_GAP = " "
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
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


def find_round_times(since: datetime, until: datetime, length: timedelta, zone: tzinfo) -> list[datetime]:
    """Return the times in UTC at which spans of *length* begin, from the last one before *since* to *until*.

    Spans up to an hour are equally long. Longer ones begin at multiples of *length* on the local clock, and days at
    midnight, so that they are longer or shorter when the clock changes. A midnight that the clock skips is the moment
    of the change, and one that comes twice is the first.
    """
    if length <= _HOUR:
        local = since.astimezone(zone)
        minutes = local.minute % (length // _MINUTE)
        first = since - timedelta(minutes=minutes, seconds=local.second, microseconds=local.microsecond)
        return [first + index * length for index in range(max(1, math.ceil((until - first) / length)))]
    wall = datetime.combine(since.astimezone(zone).date(), time())
    begins = [wall.replace(tzinfo=zone).astimezone(UTC)]
    while (begin := (wall := wall + length).replace(tzinfo=zone).astimezone(UTC)) < until:
        begins = [begin] if begin <= since else [*begins, begin] if begin > begins[-1] else begins
    return begins


def split_evenly(since: datetime, until: datetime, count: int) -> list[datetime]:
    """Return the times at which *count* equal spans of ``[since, until)`` begin."""
    return [since + index * (until - since) / count for index in range(count)]


def split_into_spans(observations: Iterable[Observation], begins: Sequence[datetime]) -> list[Span]:
    """Split observations into the spans that begin at *begins*, in ascending order, including empty ones.

    Observations of all providers count equally. An observation before the first span counts in that.
    """
    groups: list[list[Observation]] = [[] for _ in begins]
    for observation in observations:
        groups[max(0, bisect.bisect_right(begins, observation.observed_at) - 1)].append(observation)
    return [_summarize(begin, group) for begin, group in zip(begins, groups, strict=True)]


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
