"""Days read from the journal: those that are stored, and later ones computed from their observations."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from weatherd.journal.days.calendar import (
    HOUR_MICROS,
    LocalDay,
    find_day,
    find_midnight,
    find_zone_of,
    list_days,
    name_zone,
)
from weatherd.journal.days.day_rows import read_readings
from weatherd.journal.days.day_table import EARLIEST, LATEST, ComputedDays, number_date, parse_date, parse_day
from weatherd.journal.days.merging import complete_days
from weatherd.journal.days.summary import summarize_days
from weatherd.journal.tables.old_entries import FIND_OLD_TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, tzinfo

    from weatherd.journal.days.day_rows import QueryRows
    from weatherd.journal.days.summary import Day

_CLOSING_DELAY = 3 * HOUR_MICROS  # after the end of a day until it is stored; later observations have it computed again
_MAX_CITIES, _MAX_DAYS = 1000, 7  # in one step, so that it needs little memory: 32 bytes an observation
_MAX_SHARE = 0.1  # of all cities if that is more, because each step searches the index of a day
_LAST_SEQ = "SELECT coalesce(max(seq), 0) FROM entry"
_GROUPS = "SELECT zone, stored_until, count(*) FROM day_city GROUP BY zone, stored_until ORDER BY stored_until"
# The table is sorted by date, so that a day's rows of all cities are neighbours when they are written
_OF_CITY = """
WITH RECURSIVE dates(number) AS (SELECT ?1 UNION ALL SELECT number + 1 FROM dates WHERE number + 1 < ?2)
SELECT day.* FROM dates CROSS JOIN day ON day.date = number AND day.city_id = ?3
"""


class DayGroup(NamedTuple):
    """Cities of one zone whose days are stored up to the same time, and their next days that are over."""

    zone: str
    since: int  # POSIX microseconds
    cities: Sequence[str]
    spans: Sequence[LocalDay]


class StoredDays(NamedTuple):
    """What is in the table of days."""

    days: int  # of all cities
    cities: int
    first: date | None
    last: date | None


def count_stored_days(query: QueryRows) -> StoredDays:
    """Count the days that are stored."""
    ((days, cities, *dates),) = query("SELECT count(*), count(DISTINCT city_id), min(date), max(date) FROM day", ())
    return StoredDays(days, cities, *(None if number is None else parse_date(number) for number in dates))


def find_next_group(query: QueryRows, now: int) -> DayGroup | None:
    """Return the days to store next, of some cities; None if all that are over are stored."""
    groups = query(_GROUPS, ())
    max_cities = max(_MAX_CITIES, int(_MAX_SHARE * sum(count for *_, count in groups)))
    for zone, since, count in groups:
        limit = max(1, min(_MAX_DAYS, max_cities // count))
        days = (day for day in list_days(since, now, find_zone_of(zone)) if day.end + _CLOSING_DELAY <= now)
        if spans := list(itertools.islice(days, limit)):
            chosen = "SELECT city FROM day_city WHERE zone = ? AND stored_until = ? LIMIT ?"
            return DayGroup(zone, since, [city for (city,) in query(chosen, (zone, since, max_cities))], spans)
    return None


def compute_days(query: QueryRows, group: DayGroup) -> ComputedDays:
    """Compute the days of a group from the observations that the journal has now."""
    ((seq,),) = query(_LAST_SEQ, ())
    readings = read_readings(query, group.cities, group.spans[0].begin, group.spans[-1].end + HOUR_MICROS)
    days = {city: summarize_days(found, group.spans) for city, found in readings}
    return ComputedDays(group.zone, group.since, group.cities, group.spans, seq, days)


def read_city_days(query: QueryRows, city: str, zone: tzinfo, since: date, until: date) -> list[Day]:
    """Return the days of a city from the date *since* to the one before *until*, in order, without empty ones.

    Those that are not stored yet, or whose zone has changed since, are computed.
    """
    bounds = _find_bounds(query, zone)
    if bounds is None:
        return []
    since, until = max(since, bounds[0]), min(until, bounds[1] + timedelta(days=1))  # it may be the year 9999
    known = query("SELECT id, zone, stored_until FROM day_city WHERE city = ?", (city,))
    raw_since = query("SELECT raw_since FROM day_state", ())[0][0]
    number, stored_zone, stored_until = known[0] if known else (0, "", raw_since)
    rows = query(_OF_CITY, (number_date(since), number_date(until), number))
    stored = {day.date: day for day in map(parse_day, rows)}
    begin, end = find_midnight(since, zone), find_midnight(until, zone)
    begin = max(begin, stored_until if stored_zone == name_zone(zone) else raw_since)
    spans = list(list_days(begin, end, zone)) if begin < end else []
    if spans:
        readings = read_readings(query, [city], spans[0].begin, end + HOUR_MICROS)
        computed = {day.date: day for _, found in readings for day in summarize_days(found, spans)}
        stored = complete_days(stored, computed, spans, raw_since)
    return [stored[day] for day in sorted(stored)]


def _find_bounds(query: QueryRows, zone: tzinfo) -> tuple[date, date] | None:
    """Return the dates of the first and the last day of all cities; None if there is no day and no observation."""
    stored = query("SELECT min(date), max(date) FROM day", ())[0]
    dates = [parse_date(number) for number in stored if number is not None]
    tables = [name for (name,) in query(FIND_OLD_TABLES, ())]
    old = [f"SELECT observed_at FROM {name} ORDER BY 1 {order} LIMIT 1" for name in tables for order in ("", "DESC")]
    times = [at for statement in (EARLIEST, LATEST, *old) for (at,) in query(statement, ())]
    dates += [find_day(at, zone).date for at in times]
    return (min(dates), max(dates)) if dates else None
