"""The observations of all nodes of a cluster, read from the table that their PostgreSQL forwarders write."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from weatherd.errors import DeliveryError, WeatherdError
from weatherd.journal.days.calendar import HOUR_MICROS, find_midnight, list_days
from weatherd.journal.days.selection import select_readings
from weatherd.journal.days.summary import summarize_days
from weatherd.observation import FIELDS, LIVE, OK, Observation
from weatherd.pipeline.forwarders.postgres import PostgresForwarder
from weatherd.pipeline.forwarders.postgresql.errors import translate_postgres_errors
from weatherd.pipeline.forwarders.postgresql.observations import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date, datetime, tzinfo

    from weatherd.journal.days.summary import Day

_CHUNK = 2000  # rows in memory of an export
_TEXTS = ("city", "provider", "description", "station")
_TIMES = ("observed_at", "fetched_at")
_IDENTITY = "city, provider, station, observed_at"
_DEFAULTS = {"origin": LIVE, "quality": OK}  # of columns that a table of an earlier release lacks
_DAY_FIELDS = ("provider", "station", "temperature", "precipitation", "wind_gust", "origin", "quality")
_COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped"
# Skips from one city to the next through the index of the primary key
_CITIES = f"""
WITH RECURSIVE known AS (
  (SELECT city FROM {TABLE} ORDER BY city LIMIT 1)
  UNION ALL SELECT (SELECT city FROM {TABLE} WHERE city > known.city ORDER BY city LIMIT 1) FROM known
  WHERE known.city IS NOT NULL
)
SELECT city FROM known WHERE city IS NOT NULL ORDER BY city COLLATE "C"
"""  # noqa: S608 - the name is a constant


class SharedTableError(WeatherdError):
    """The table of observations cannot be read."""


class SharedTable:
    """The table, with the methods of :class:`weatherd.journal.reader.Reader` that show the past of cities.

    Calls block. Each statement is a transaction of its own, so that a pooler may be between. Raises SharedTableError.
    """

    def __init__(self, dsn: str) -> None:
        self._runner = asyncio.Runner()
        self._stack = contextlib.AsyncExitStack()
        forwarder = PostgresForwarder(dsn)
        try:
            self._connection = self._run(self._stack.enter_async_context(forwarder.connect_session()))
            columns = self._list_columns()
        except BaseException:
            self.close()
            raise
        self._selected = {name: _select(name, columns) for name in FIELDS}

    def close(self) -> None:
        """Close the connection."""
        with self._runner:
            self._runner.run(self._stack.aclose())

    def list_cities(self) -> list[str]:
        """Return the ids of all cities with an observation."""
        return [row[0] for row in self._query(_CITIES)]

    def has_city(self, city: str) -> bool:
        """Return whether there is an observation of the city with this id."""
        return bool(self._query(f"SELECT 1 FROM {TABLE} WHERE city = $1 LIMIT 1", city))  # noqa: S608 - a constant

    def read_city(self, city: str, since: datetime, until: datetime) -> list[Observation]:
        """Return a city's observations in ``[since, until)``, in the order of ``observed_at``."""
        return [Observation(*row) for row in self._query_city(FIELDS, city, since, until)]

    def read_days(self, city: str, zone: tzinfo, since: date, until: date) -> list[Day]:
        """Return a city's days with observations, from the date *since* to the one before *until*.

        They are computed from the observations, because the table has no days.
        """
        begin, end = find_midnight(since, zone), find_midnight(until, zone)
        rows = self._query_city(("observed_at", *_DAY_FIELDS), city, _to_time(begin), _to_time(end + HOUR_MICROS))
        if not rows:
            return []
        series: dict[tuple[str, str], int] = {}
        found = [
            (series.setdefault((provider, station), len(series)), _to_micros(at), *values, origin, quality)
            for at, provider, station, *values, origin, quality in rows
        ]
        marked = [(*row[:5], None if row[5] == LIVE else row[5], None if row[6] == OK else row[6]) for row in found]
        readings = select_readings(marked, {number: name for name, number in series.items()})
        return summarize_days(readings, list_days(max(begin, found[0][1]), min(end, found[-1][1] + 1), zone))

    def iterate(
        self,
        since: datetime | None,
        until: datetime | None,
        cities: Sequence[str],
        report: Callable[[int], None] | None = None,
    ) -> Iterator[Observation]:
        """Yield the observations in ``[since, until)`` of *cities* (all if empty), by city, service, station and time.

        It needs constant memory. *report* is never called, because a count of the rows would take as long.
        """
        del report
        columns = ", ".join(self._selected.values())
        statement = f"""
        SELECT {columns} FROM {TABLE} WHERE ({_IDENTITY}) > ($1, $2, $3, $4)
        AND ($5::timestamptz IS NULL OR observed_at >= $5) AND ($6::timestamptz IS NULL OR observed_at < $6)
        AND ($7::text[] IS NULL OR city = ANY ($7)) ORDER BY {_IDENTITY} LIMIT {_CHUNK}
        """  # noqa: S608 - all names are constants
        last: tuple[Any, ...] = ("", "", "", _to_time(0))
        while rows := self._query(statement, *last, since, until, list(cities) or None):
            observations = [Observation(*row) for row in rows]
            yield from observations
            end = observations[-1]
            last = (end.city, end.provider, end.station, end.observed_at)

    def _list_columns(self) -> set[str]:
        columns = {row[0] for row in self._query(_COLUMNS, TABLE)}
        if not columns:
            raise SharedTableError(f"the database has no table {TABLE} yet: the forwarder postgres creates it")
        return columns

    def _query_city(self, names: Sequence[str], city: str, since: datetime, until: datetime) -> list[Any]:
        columns = ", ".join(self._selected[name] for name in names)
        where = "city = $1 AND observed_at >= $2 AND observed_at < $3 ORDER BY observed_at, provider, station"
        return self._query(f"SELECT {columns} FROM {TABLE} WHERE {where}", city, since, until)  # noqa: S608 - constants

    def _query(self, statement: str, *values: Any) -> list[Any]:
        async def fetch() -> list[Any]:
            with translate_postgres_errors():
                return list(await self._connection.fetch(statement, *values))

        rows: list[Any] = self._run(fetch())
        return rows

    def _run(self, call: Any) -> Any:
        try:
            return self._runner.run(call)
        except DeliveryError as error:
            raise SharedTableError(f"the table {TABLE} cannot be read, postgres.dsn: {error}") from None


def _select(name: str, columns: set[str]) -> str:
    """Return the expression of a field. Numbers are cast, because a column of your own table may be ``numeric``."""
    if name in _DEFAULTS:
        return f"coalesce({name}, '{_DEFAULTS[name]}')" if name in columns else f"'{_DEFAULTS[name]}'"
    if name in _TEXTS or name in _TIMES:
        return name
    return f"{name}::integer" if name == "code" else f"{name}::float8"


def _to_time(micros: int) -> datetime:
    from weatherd.cli.history.days import to_datetime

    return to_datetime(micros)


def _to_micros(time: datetime) -> int:
    from weatherd.journal.rows import to_micros

    return to_micros(time)
