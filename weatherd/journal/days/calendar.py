"""Local calendar days: where each begins and ends. Pure functions."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from weatherd.journal.rows import to_micros

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

SECOND_MICROS = 1_000_000  # microseconds
HOUR_MICROS = 3600 * SECOND_MICROS
_ONE_DAY = timedelta(days=1)


class LocalDay(NamedTuple):
    """A calendar day of a time zone: ``[begin, end)`` in POSIX microseconds. It may have 23 or 25 hours."""

    date: date
    begin: int
    end: int


@functools.lru_cache(maxsize=4096)
def find_midnight(day: date, zone: tzinfo) -> int:
    """Return the time at which a date begins in a zone, in POSIX microseconds.

    A midnight that the clock skips is the moment of the change, and one that comes twice is the first.
    """
    return to_micros(datetime.combine(day, time(), zone).astimezone(UTC))


def make_day(day: date, zone: tzinfo) -> LocalDay:
    """Return the day of a date. It is empty for a date that the zone skipped, as Samoa did with 30 December 2011."""
    return LocalDay(day, find_midnight(day, zone), find_midnight(day + _ONE_DAY, zone))


def find_day(at: int, zone: tzinfo) -> LocalDay:
    """Return the day of a time in POSIX microseconds."""
    day = datetime.fromtimestamp(at // SECOND_MICROS, zone).date()
    if at >= find_midnight(day + _ONE_DAY, zone):  # the clock went back over midnight: the later date has begun
        day += _ONE_DAY
    return make_day(day, zone)


def list_days(since: int, until: int, zone: tzinfo) -> Iterator[LocalDay]:
    """Yield the days from that of *since* to the one before *until*, both in POSIX microseconds."""
    day = find_day(since, zone)
    while day.begin < until:
        if day.begin < day.end:
            yield day
        day = make_day(day.date + _ONE_DAY, zone)


@functools.lru_cache(maxsize=1024)
def find_zone_of(name: str) -> tzinfo:
    """Return the time zone with an IANA name; UTC if this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def name_zone(zone: tzinfo) -> str:
    """Return the IANA name of a time zone; UTC for one without a name."""
    return zone.key if isinstance(zone, ZoneInfo) and zone.key else "UTC"
