"""What happened in a city, cut into equal times: low, high and mean of each, and a line to look at. Pure."""

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
_STEPS = [60.0 * n for n in (1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7 * 1440, 14 * 1440, 28 * 1440)]


@dataclass(frozen=True, slots=True)
class Span:
    """What was observed from one moment to the next."""

    begin: datetime
    count: int
    low: float | None  # °C; None for all three when nothing was observed
    mean: float | None
    high: float | None
    description: str  # the last one; "" when nothing was observed


def step(since: datetime, until: datetime, most: int) -> timedelta:
    """Return the shortest of the usual lengths of time that makes *most* spans of it, or few enough of the longest."""
    length = (until - since).total_seconds()
    usual = next((seconds for seconds in _STEPS if length / seconds <= most), None)
    return timedelta(seconds=usual or math.ceil(length / most / _STEPS[-1]) * _STEPS[-1])


def spans(observations: Iterable[Observation], since: datetime, until: datetime, length: timedelta) -> list[Span]:
    """Cut ``[since, until)`` into spans of *length*, the last one perhaps shorter; those without observations too.

    Observations of several providers count alike. The spans begin at *since*, so give one that is round.
    """
    count = max(1, math.ceil((until - since) / length))
    parts: list[list[Observation]] = [[] for _ in range(count)]
    for each in observations:
        parts[min(count - 1, max(0, (each.observed_at - since) // length))].append(each)
    return [_span(since + place * length, part) for place, part in enumerate(parts)]


def _span(begin: datetime, part: Sequence[Observation]) -> Span:
    if not part:
        return Span(begin, 0, None, None, None, "")
    values = [each.temperature for each in part]
    return Span(begin, len(part), min(values), math.fsum(values) / len(values), max(values), part[-1].description)


def sparkline(spans: Sequence[Span]) -> str:
    """Draw the means from low to high, a letter a span; a gap is a gap."""
    means = [span.mean for span in spans if span.mean is not None]
    if not means:
        return ""
    low, width = min(means), max(means) - min(means)

    def bar(mean: float | None) -> str:
        if mean is None:
            return _GAP
        return _BARS[round((mean - low) / width * (len(_BARS) - 1))] if width else _BARS[0]

    return "".join(bar(span.mean) for span in spans)


def round_down(moment: datetime, length: timedelta) -> datetime:
    """Return the last moment that is a whole number of *length* after midnight, by the clock of its own time zone."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // length * length
