"""Hours of the day on a city's clock, such as ``18:00-09:00``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

_split = re.compile(r"(\d\d?):(\d\d)\s*[-–]\s*(\d\d?):(\d\d)", re.ASCII).fullmatch
_HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of each day, from *start* to before *end*, on the local clock; it includes midnight if *end* is earlier.

    When the clock is set back, an hour comes twice and both belong to it, but what begins or ends in that hour does so
    the first time only; otherwise an alert might fire twice. An hour that is skipped does not come.
    """

    start: time
    end: time

    def include(self, moment: datetime, zone: tzinfo) -> bool:
        """Return whether a moment is in the hours, on the clock of *zone*."""
        local = moment.astimezone(zone)
        if local.fold:
            return _find_last(self.start, local) > _find_last(self.end, local)
        clock = local.time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


def _find_last(clock: time, local: datetime) -> datetime:
    """Return when a clock showed a time for the first time of the last day on which it did, in UTC."""
    day = local.date()
    today, yesterday = (
        datetime.combine(date, clock, local.tzinfo).astimezone(UTC) for date in (day, day - timedelta(days=1))
    )
    return today if today <= local.astimezone(UTC) else yesterday


def parse_hours(text: object) -> Hours | None:
    """Return the hours in a text such as ``18:00-09:00``; None for None. Raises ValueError."""
    if text is None or isinstance(text, Hours):
        return text
    match = _split(text.strip()) if isinstance(text, str) else None
    if not match:
        raise ValueError('should be hours of the city\'s clock such as "18:00-09:00"')
    start, end = (_parse_time(int(match[hour]), int(match[hour + 1])) for hour in (1, 3))
    if start == end:
        raise ValueError("should begin and end at different times; without it, the rule holds all day")
    return Hours(start, end)


def _parse_time(hour: int, minute: int) -> time:
    try:
        return time(0 if (hour, minute) == (_HOURS_A_DAY, 0) else hour, minute)
    except ValueError:
        raise ValueError(f"should have times from 00:00 to 24:00, not {hour}:{minute:02}") from None
