"""The PostgreSQL forwarder. Its table is a hypertable if TimescaleDB is installed."""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
from typing import TYPE_CHECKING, Any

from weatherd.errors import ConfigError, DeliveryError, Problem
from weatherd.observation import FIELDS, LIVE, OK
from weatherd.pipeline.forwarders import know_nothing
from weatherd.pipeline.forwarders.notices.official_warnings import ChangeConnection
from weatherd.pipeline.forwarders.postgresql.errors import translate_postgres_errors
from weatherd.pipeline.forwarders.postgresql.hosts import split_hosts
from weatherd.pipeline.forwarders.postgresql.warnings import WarningTableWriter
from weatherd.plugins import explain_missing_library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from weatherd.city import City, Tags
    from weatherd.config.settings import Settings
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import ForwarderResources

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
_CREATE = f"CREATE TABLE {TABLE} ({', '.join(map(' '.join, _COLUMNS.items()))}, PRIMARY KEY ({_IDENTITY}))"
# It needs an exclusive lock, which others must not wait for.
_EXTEND = f"""
SET LOCAL lock_timeout = '2s';
ALTER TABLE {TABLE} {", ".join(f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in _LATER_COLUMNS.items())}
"""
_FIND_COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped"
_HYPERTABLE = f"SELECT create_hypertable('{TABLE}', 'observed_at', if_not_exists => true)"
_CONNECT_TIMEOUT = 24.0  # seconds for all hosts
_HOST_TIMEOUT = 10.0  # seconds for one
_CLOSE_TIMEOUT = 0.3  # seconds


def build_insert(later_columns: Sequence[str]) -> str:
    """Return the statement that writes an observation, with those of the later columns that the table has.

    The parameters are typed, because a column of your own table may have another type: numeric(6, 1), real. A row that
    is delivered again changes nothing; a revision, which was fetched later, replaces the row. An observation of the
    past never replaces a live one.
    """
    columns = [*_FIRST_FIELDS, *later_columns]
    parameters = ", ".join(f"${number}::{_TYPES.get(name, 'float8')}" for number, name in enumerate(columns, 1))
    updates = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in _IDENTITY.split(", "))
    may_replace = f" AND (excluded.origin = '{LIVE}' OR {TABLE}.origin <> '{LIVE}')"
    return f"""
    INSERT INTO {TABLE} ({", ".join(columns)}) VALUES ({parameters})
    ON CONFLICT ({_IDENTITY}) DO UPDATE SET {updates}
    WHERE {TABLE}.fetched_at < excluded.fetched_at{may_replace if "origin" in later_columns else ""}
    """  # noqa: S608 - all names are constants


class PostgresConnection:
    """A connection that writes each batch in one transaction."""

    def __init__(self, connection: Any, later_columns: Sequence[str], find_city: FindCity) -> None:
        self._connection = connection
        self._insert = build_insert(later_columns)
        self._later_columns = later_columns
        self._find_city = find_city

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:  # noqa: ARG002 - the statement is idempotent
        """Insert a batch in one transaction. Raises RejectedError or DeliveryError."""
        with translate_postgres_errors():
            # Explicit, because a pooler such as PgBouncer may give each transaction another session: the statement is
            # prepared and executed in the same one.
            async with self._connection.transaction():
                await self._connection.executemany(self._insert, map(self._build_row, batch))

    def _build_row(self, observation: Observation) -> tuple[Any, ...]:
        city = self._find_city(observation.city)
        values: dict[str, str] = {"origin": observation.origin, "quality": observation.quality}
        if city:
            values |= {"name": city.name, "tags": _encode_tags(city.tags)}
        return (*observation[: len(_FIRST_FIELDS)], *map(values.get, self._later_columns))


@functools.lru_cache(maxsize=10_000)  # because many cities and observations have the same
def _encode_tags(tags: Tags) -> str:
    return json.dumps(dict(tags), ensure_ascii=False)


class PostgresForwarder:
    """A PostgreSQL database, in which the table is created if it is missing."""

    batch_size = 1000

    def __init__(self, dsn: str, find_city: FindCity = know_nothing) -> None:
        self._hosts = split_hosts(dsn)
        self._find_city = find_city
        self._asyncpg = importlib.import_module("asyncpg")

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[PostgresConnection]:
        """Open a connection. Raises DeliveryError."""
        async with self._connected() as connection:
            with translate_postgres_errors():
                await _prepare(connection)
                columns = await _find_later_columns(connection)
            yield PostgresConnection(connection, columns, self._find_city)

    @contextlib.asynccontextmanager
    async def connect_warnings(self) -> AsyncIterator[ChangeConnection]:
        """Open another connection, for changes of official warnings. Raises DeliveryError."""
        async with self._connected() as connection:
            table = WarningTableWriter(connection, self._find_city)
            await table.prepare()
            yield ChangeConnection(table.deliver)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        connection = await self._open_connection()
        try:
            yield connection
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=_CLOSE_TIMEOUT)

    async def _open_connection(self) -> Any:
        """Connect to the first host that responds and, if there are several, accepts writes."""
        limit = min(_HOST_TIMEOUT, _CONNECT_TIMEOUT / len(self._hosts))
        reasons = []
        for host in self._hosts:
            is_chosen = "target_session_attrs=" in host.dsn or len(self._hosts) == 1
            try:
                with translate_postgres_errors():
                    return await self._asyncpg.connect(
                        host.dsn,
                        timeout=limit,
                        statement_cache_size=0,  # a pooler's sessions have the prepared statements of others
                        server_settings={"application_name": "weatherd"},
                        target_session_attrs=None if is_chosen else "read-write",
                    )
            except DeliveryError as error:
                reasons.append(f"{host.name}: {error}")
        raise DeliveryError("; ".join(reasons))


async def _prepare(connection: Any) -> None:
    async with connection.transaction():
        if await connection.fetchval("SELECT to_regclass($1)", TABLE):  # the role may lack the right to create tables
            return
        await connection.execute(_CREATE)
        if await connection.fetchval("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"):
            await connection.execute(_HYPERTABLE)


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


def open_forwarder(settings: Settings, resources: ForwarderResources) -> PostgresForwarder | None:
    """Return the forwarder if ``postgres.dsn`` is set. Raises ConfigError if its driver is not installed."""
    section = settings.postgres
    if not section or not section.dsn:
        return None
    try:
        return PostgresForwarder(section.dsn.get_secret_value(), resources.find_city)
    except ImportError:
        raise ConfigError(Problem("postgres", explain_missing_library("postgres"))) from None
