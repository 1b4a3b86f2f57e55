"""The day so far of all cities, for the metrics."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric

from weatherd.errors import StateError
from weatherd.journal.days.calendar import SECOND_MICROS, LocalDay, find_day
from weatherd.journal.days.reading import DayGroup
from weatherd.text.local_zone import load_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.days.summary import Day
    from weatherd.journal.journal import AsyncReader
    from weatherd.observation import Observation

_MIN_AGE = 60.0  # seconds for which a result is used again, because the metrics may be read every few seconds
_CITIES = 1000  # in one step, so that it needs little memory
_METRICS = (  # metric, field of a day, factor to the base unit, HELP text
    ("weatherd_today_low_celsius", "low", 1.0, "Lowest temperature since midnight in the city's time zone."),
    ("weatherd_today_high_celsius", "high", 1.0, "Highest temperature since midnight in the city's time zone."),
    ("weatherd_today_precipitation_meters", "rain", 0.001, "Precipitation since midnight in the city's time zone."),
)


class _Computed(NamedTuple):
    """A city's day so far, and the observation that was its latest at that time."""

    span: LocalDay
    last: Observation
    day: Day | None


class TodayCache:
    """The days so far. A city's day is computed again only after a new observation, and at most once a minute."""

    def __init__(self, status: DaemonStatus, reader: AsyncReader) -> None:
        self._status = status
        self._reader = reader
        self._computed: dict[str, _Computed] = {}  # by city id
        self._next_read = 0.0  # POSIX time

    async def read(self) -> dict[str, Day]:
        """Return the day so far of each city of the list that has an observation of today."""
        now = self._status.now().timestamp()
        if abs(self._next_read - now) > _MIN_AGE or now >= self._next_read:  # the clock may have been set back
            self._next_read = now + _MIN_AGE
            with contextlib.suppress(StateError):  # the journal writer reports it
                await self._compute(int(now * SECOND_MICROS))
        listed = self._status.registry.get
        return {city: found.day for city, found in self._computed.items() if found.day and listed(city)}

    async def _compute(self, now: int) -> None:
        before, spans, waiting = self._computed, dict[str | None, LocalDay](), dict[LocalDay, list[str]]()
        self._computed = {}
        latest = self._status.latest
        for city in self._status.own_cities:
            if not (last := latest.get(city.id)):
                continue
            if city.timezone not in spans:
                spans[city.timezone] = find_day(now, load_zone(city.timezone))
            span, known = spans[city.timezone], before.get(city.id)
            if known and known.span == span and known.last.repeats(last):
                self._computed[city.id] = known
            else:
                waiting.setdefault(span, []).append(city.id)
        for span, cities in waiting.items():
            for chunk in _batch(cities):
                found = (await self._reader.compute_days(DayGroup("", span.begin, chunk, [span]))).days
                for city_id in chunk:
                    if last := latest.get(city_id):
                        self._computed[city_id] = _Computed(span, last, next(iter(found.get(city_id, ())), None))


def _batch(cities: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(cities)
    while chunk := list(itertools.islice(remaining, _CITIES)):
        yield chunk


def collect_today(days: Mapping[str, Day]) -> Iterator[Metric]:
    """Yield the metrics of the days so far; a value that is not known is left out."""
    for name, field, factor, text in _METRICS:
        family = GaugeMetricFamily(name, text, labels=["city"])
        for city, day in sorted(days.items()):
            value = getattr(day, field)
            if value is not None:
                family.add_metric([city], value * factor)
        yield family
