"""The history that a command asks for, read from the journal."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from weatherd.cli.history.spans import find_round_times, split_into_spans
from weatherd.cli.lookup import find_recorded_city, parse_time_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.cli.history.sources import HistorySource
    from weatherd.cli.history.spans import Span
    from weatherd.cli.lookup import RecordedCity
    from weatherd.config.loader import Configuration
    from weatherd.observation import Observation

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A range of time as a user gave it."""

    since: str | None
    until: str | None


@dataclass(frozen=True, slots=True)
class CityHistory:
    """A city's observations in ``[since, until)``, in order, and the times at which its hours begin, if wanted."""

    city: RecordedCity
    since: datetime
    until: datetime
    begins: Sequence[datetime]
    observations: Sequence[Observation]
    following: Sequence[Observation] = ()  # those of the hour after *until*, whose values include rain before it

    def split(self, begins: Sequence[datetime]) -> list[Span]:
        """Return the spans that begin at *begins*; the last one ends at *until*."""
        return split_into_spans([*self.observations, *self.following], begins, self.until)


def read_history(
    configuration: Configuration, reader: HistorySource, name: str, times: TimeRange, now: datetime, *, by_hour: bool
) -> CityHistory:
    """Read the history of the city with this name or id: of a day before the end by default.

    With *by_hour*, it begins with a full hour.

    Raises ArgumentError for an unknown city, and typer.BadParameter for times that are no range.
    """
    city = find_recorded_city(configuration, name, reader)
    since, until = parse_time_range(times.since, times.until, now, city.zone)
    since = since or until - _DAY
    begins = find_round_times(since, until, _HOUR, city.zone) if by_hour else []
    since = begins[0] if begins else since
    observations = reader.read_city(city.id, since, until + _HOUR)
    inside = bisect.bisect_left(observations, until, key=lambda observation: observation.observed_at)
    return CityHistory(city, since, until, begins, observations[:inside], observations[inside:])
