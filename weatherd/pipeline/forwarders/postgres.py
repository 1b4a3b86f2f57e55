"""The PostgreSQL forwarder. Its table is a hypertable if TimescaleDB is installed."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

from weatherd.errors import ConfigError, DeliveryError, Problem, RejectedError, describe
from weatherd.observation import FIELDS
from weatherd.plugins import explain_missing_library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from weatherd.config.settings import Settings
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import ForwarderResources

TABLE = "weatherd_observation"
_IDENTITY = "city, provider, station, observed_at"
_TYPES = {"observed_at": "timestamptz", "fetched_at": "timestamptz", "code": "integer"} | dict.fromkeys(
    ("city", "provider", "description", "station"), "text"
)
_REQUIRED = ("city", "provider", "observed_at", "fetched_at", "temperature", "description", "station")
_COLUMNS = ", ".join(
    f"{name} {_TYPES.get(name, 'double precision')}{' NOT NULL' if name in _REQUIRED else ''}" for name in FIELDS
)
_CREATE = f"CREATE TABLE {TABLE} ({_COLUMNS}, PRIMARY KEY ({_IDENTITY}))"
_VALUES = [name for name in FIELDS if name not in _IDENTITY.split(", ")]
# A row that is delivered again changes nothing; a revision, which was fetched later, replaces the row.
_INSERT = f"""
INSERT INTO {TABLE} ({", ".join(FIELDS)}) VALUES ({", ".join(f"${number}" for number in range(1, len(FIELDS) + 1))})
ON CONFLICT ({_IDENTITY}) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _VALUES)}
WHERE {TABLE}.fetched_at < excluded.fetched_at
"""  # noqa: S608 - all names are constants
_HYPERTABLE = f"SELECT create_hypertable('{TABLE}', 'observed_at', if_not_exists => true)"
_ABOUT_VALUES = ("22", "23")  # classes of SQLSTATE: data exception, integrity constraint violation
_CLOSE_TIMEOUT = 0.3  # seconds


class PostgresConnection:
    """A connection that writes each batch in one transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:  # noqa: ARG002 - the statement is idempotent
        """Insert a batch in one transaction. Raises RejectedError or DeliveryError."""
        with _translate_errors():
            await self._connection.executemany(_INSERT, batch)


class PostgresForwarder:
    """A PostgreSQL database, in which the table is created if it is missing."""

    batch_size = 1000

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._asyncpg = importlib.import_module("asyncpg")

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[PostgresConnection]:
        """Open a connection. Raises DeliveryError."""
        with _translate_errors():
            connection = await self._asyncpg.connect(self._dsn, server_settings={"application_name": "weatherd"})
        try:
            with _translate_errors():
                await _prepare(connection)
            yield PostgresConnection(connection)
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=_CLOSE_TIMEOUT)


async def _prepare(connection: Any) -> None:
    if await connection.fetchval("SELECT to_regclass($1)", TABLE):  # the role may lack the right to create tables
        return
    async with connection.transaction():
        await connection.execute(_CREATE)
        if await connection.fetchval("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"):
            await connection.execute(_HYPERTABLE)


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate the driver's exceptions into RejectedError if they concern the values, else into DeliveryError."""
    asyncpg = importlib.import_module("asyncpg")
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        state = getattr(error, "sqlstate", None) or ""
        if state.startswith(_ABOUT_VALUES) or isinstance(error, asyncpg.DataError):
            raise RejectedError(describe(error)) from None
        raise DeliveryError(describe(error)) from None


def open_forwarder(settings: Settings, resources: ForwarderResources) -> PostgresForwarder | None:  # noqa: ARG001 - part of the contract
    """Return the forwarder if ``postgres.dsn`` is set. Raises ConfigError if its driver is not installed."""
    section = settings.postgres
    if not section or not section.dsn:
        return None
    try:
        return PostgresForwarder(section.dsn.get_secret_value())
    except ImportError:
        raise ConfigError(Problem("postgres", explain_missing_library("postgres"))) from None
