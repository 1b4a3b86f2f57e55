"""The table of observations in PostgreSQL. It is a hypertable if TimescaleDB is installed."""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
from typing import TYPE_CHECKING, Any

from weatherd.observation import FIELDS, LIVE, OK
from weatherd.pipeline.forwarders.postgresql.creation import create_missing_table
from weatherd.pipeline.forwarders.postgresql.errors import translate_postgres_errors
from weatherd.pipeline.forwarders.postgresql.typed_arrays import build_rows_source, split_columns, split_repeats

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.city import City, Tags
    from weatherd.observation import Observation

    FindCity = Callable[[str], City | None]

TABLE = "weatherd_observation"
_IDENTITY = "city, provider, station, observed_at"
_LATER_COLUMNS = {  # which a table of an earlier release or of your own may lack
    "origin": f"text NOT NULL DEFAULT '{LIVE}'",
    "quality": f"text NOT NULL DEFAULT '{OK}'",
    "name": "text",  # this and the next are NULL if the city is not listed any more
    "tags": "jsonb",
}
_TYPES = {
    "observed_at": "timestamptz",
    "fetched_at": "timestamptz",
    "code": "integer",
    "tags": "jsonb",
} | dict.fromkeys(("city", "provider", "description", "station", "origin", "quality", "name"), "text")
_REQUIRED = ("city", "provider", "observed_at", "fetched_at", "temperature", "description", "station")
_FIRST_FIELDS = [name for name in FIELDS if name not in _LATER_COLUMNS]
_COLUMNS = {
    name: f"{_TYPES.get(name, 'double precision')}{' NOT NULL' if name in _REQUIRED else ''}" for name in _FIRST_FIELDS
} | _LATER_COLUMNS
_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} ({', '.join(map(' '.join, _COLUMNS.items()))}, PRIMARY KEY ({_IDENTITY}))"
)
# It needs an exclusive lock, which others must not wait for.
_EXTEND = f"""
SET LOCAL lock_timeout = '2s';
ALTER TABLE {TABLE} {", ".join(f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in _LATER_COLUMNS.items())}
"""
_FIND_COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped"
_HYPERTABLE = f"SELECT create_hypertable('{TABLE}', 'observed_at', if_not_exists => true)"


def build_insert(later_columns: Sequence[str]) -> str:
    """Return the statement that writes a batch, with those of the later columns that the table has.

    A row that is delivered again changes nothing; a revision, which was fetched later, replaces the row. An observation
    of the past never replaces a live one.
    """
    columns = [*_FIRST_FIELDS, *later_columns]
    source = build_rows_source({name: _TYPES.get(name, "float8") for name in columns})
    updates = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in _IDENTITY.split(", "))
    may_replace = f" AND (excluded.origin = '{LIVE}' OR {TABLE}.origin <> '{LIVE}')"
    return f"""
    INSERT INTO {TABLE} ({", ".join(columns)}) {source}
    ON CONFLICT ({_IDENTITY}) DO UPDATE SET {updates}
    WHERE {TABLE}.fetched_at < excluded.fetched_at{may_replace if "origin" in later_columns else ""}
    """


class PostgresConnection:
    """A connection that writes each batch in one transaction."""

    def __init__(self, connection: Any, later_columns: Sequence[str], find_city: FindCity) -> None:
        self._connection = connection
        self._insert = build_insert(later_columns)
        self._later_columns = later_columns
        self._find_city = find_city

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:  # noqa: ARG002 - the statement is idempotent
        """Insert a batch in one transaction. Raises RejectedError or DeliveryError."""
        groups = split_repeats(map(self._identify_row, batch))
        with translate_postgres_errors():
            # Explicit, because a pooler such as PgBouncer may give each transaction another session: the statement is
            # prepared and executed in the same one.
            async with self._connection.transaction():
                for rows in groups:
                    await self._connection.execute(self._insert, *split_columns(rows))

    def _identify_row(self, observation: Observation) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        city = self._find_city(observation.city)
        values: dict[str, str] = {"origin": observation.origin, "quality": observation.quality}
        if city:
            values |= {"name": city.name, "tags": _encode_tags(city.tags)}
        row = (*observation[: len(_FIRST_FIELDS)], *map(values.get, self._later_columns))
        return (observation.city, observation.provider, observation.station, observation.observed_at), row


@functools.lru_cache(maxsize=10_000)  # because many cities and observations have the same
def _encode_tags(tags: Tags) -> str:
    return json.dumps(dict(tags), ensure_ascii=False)


async def prepare_observations(connection: Any, find_city: FindCity) -> PostgresConnection:
    """Create the table if it is missing, and return the writer of its rows. Raises DeliveryError."""
    with translate_postgres_errors():
        await create_missing_table(connection, TABLE, _CREATE, _HYPERTABLE)
        return PostgresConnection(connection, await _find_later_columns(connection), find_city)


async def _find_later_columns(connection: Any) -> list[str]:
    """Return which of the later columns the table has. Missing ones are added if the role may do that."""
    found = await _list_columns(connection)
    if not found >= _LATER_COLUMNS.keys():
        with contextlib.suppress(importlib.import_module("asyncpg").PostgresError):  # not the owner, or it is a view
            async with connection.transaction():
                await connection.execute(_EXTEND)
        found = await _list_columns(connection)
    return [name for name in _LATER_COLUMNS if name in found]


async def _list_columns(connection: Any) -> set[str]:
    async with connection.transaction():
        return {row[0] for row in await connection.fetch(_FIND_COLUMNS, TABLE)}
