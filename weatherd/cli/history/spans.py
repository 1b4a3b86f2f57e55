"""Summary of a city's observations by time spans: low, high and mean temperature, rain, gust. Pure functions."""

from __future__ import annotations

import bisect
import itertools
import math
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from weatherd.observation import OK, find_suspect_fields

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from weatherd.observation import Observation

_BARS = "▁▂▃▄▅▆▇█"
_GAP = " "
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_MINUTES = (1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7 * 1440, 14 * 1440, 28 * 1440)
_LENGTHS = [60.0 * minutes for minutes in _MINUTES]  # usual lengths of spans in seconds


@dataclass(frozen=True, slots=True)
class Span:
    """Summary of the observations in a time span; a value is None if no observation has it."""

    begin: datetime
    count: int
    low: float | None  # °C
    mean: float | None
    high: float | None
    rain: float | None  # mm in the span, which an observation after it may tell
    gust: float | None  # m/s, the highest
    description: str  # that of the last observation; "" without observations


def choose_span_length(since: datetime, until: datetime, limit: int, interval: timedelta = timedelta()) -> timedelta:
    """Return the shortest usual length, from a minute to 28 days, that results in at most *limit* spans.

    It is at least *interval*, the time between two observations, so that each span has one. If 28 days are too short,
    return a multiple of them.
    """
    length = (until - since).total_seconds()
    fitting = (seconds for seconds in _LENGTHS if length / seconds <= limit and seconds >= interval.total_seconds())
    return timedelta(seconds=next(fitting, None) or math.ceil(length / limit / _LENGTHS[-1]) * _LENGTHS[-1])


def find_interval(observations: Sequence[Observation]) -> timedelta:
    """Return the usual time between two observations, which are in order; 0 for less than two."""
    gaps = [after.observed_at - before.observed_at for before, after in itertools.pairwise(observations)]
    return statistics.median_high(gaps) if gaps else timedelta()


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


def split_into_spans(
    observations: Sequence[Observation], begins: Sequence[datetime], until: datetime | None = None
) -> list[Span]:
    """Split observations, in order, into the spans that begin at *begins*, in ascending order, including empty ones.

    The last span ends at *until*; of an observation after that, only the rain before it counts. Observations of all
    providers count equally. One before the first span counts in that. Suspect values do not count, but for the
    temperatures of a span in which all are suspect.
    """
    observations = [seen if seen.quality == OK else _hide_suspect(seen) for seen in observations]
    groups: list[list[Observation]] = [[] for _ in begins]
    for observation in observations:
        if until is None or observation.observed_at < until:
            groups[max(0, bisect.bisect_right(begins, observation.observed_at) - 1)].append(observation)
    rain = _sum_rain(observations, [*begins, until or datetime.max.replace(tzinfo=UTC)])
    return [_summarize(begin, group, amount) for begin, group, amount in zip(begins, groups, rain, strict=True)]


def trim_spans(spans: Sequence[Span]) -> list[Span]:
    """Return the spans from the first to the last one with observations, and of a gap between them only the first."""
    kept = [span for index, span in enumerate(spans) if span.count or (index and spans[index - 1].count)]
    return kept[:-1] if kept and not kept[-1].count else kept


def _sum_rain(observations: Sequence[Observation], bounds: Sequence[datetime]) -> list[float | None]:
    """Return the rain in mm between each two of *bounds*; None where no observation has a value.

    A value is the rain of the hour before its observation. It counts for the time since the value before: of
    values every 15 minutes, each for a quarter of it. After a longer gap than an hour, nothing is known of the rest.
    """
    sums: list[float | None] = [None] * (len(bounds) - 1)
    before = datetime.min.replace(tzinfo=UTC)
    for observation in observations:
        if observation.precipitation is None:  # of a service that reports none, between those of another one
            continue
        end = observation.observed_at
        begin, before = max(before, end - _HOUR), end
        for index in range(max(0, bisect.bisect_right(bounds, begin) - 1), len(sums)):
            if bounds[index] >= end:
                break
            hours = (min(end, bounds[index + 1]) - max(begin, bounds[index])) / _HOUR
            sums[index] = (sums[index] or 0.0) + observation.precipitation * hours
    return sums


def _hide_suspect(observation: Observation) -> Observation:
    """Return an observation without its suspect values, but with its temperature, which each one has."""
    return observation.without_suspect()._replace(temperature=observation.temperature)


def select_plausible(observations: Sequence[Observation]) -> Sequence[Observation]:
    """Return the observations whose temperature is not suspect; all if there are none."""
    return [seen for seen in observations if "temperature" not in find_suspect_fields(seen.quality)] or observations


def _summarize(begin: datetime, group: Sequence[Observation], rain: float | None) -> Span:
    if not group:
        return Span(begin, 0, None, None, None, rain, None, "")
    values = [observation.temperature for observation in select_plausible(group)]
    gusts = [observation.wind_gust for observation in group if observation.wind_gust is not None]
    mean, gust = math.fsum(values) / len(values), max(gusts, default=None)
    return Span(begin, len(group), min(values), mean, max(values), rain, gust, group[-1].description)


def draw_sparkline(spans: Sequence[Span]) -> str:
    """Return one bar character per span, scaled between the lowest and the highest mean; a space for an empty span."""
    return draw_bars([span.mean for span in spans])


def draw_bars(values: Sequence[float | None]) -> str:
    """Return one bar character per value, scaled between the lowest and the highest one; a space for None."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, width = min(known), max(known) - min(known)

    def draw_bar(value: float | None) -> str:
        if value is None:
            return _GAP
        return _BARS[round((value - low) / width * (len(_BARS) - 1))] if width else _BARS[0]

    return "".join(map(draw_bar, values))
