"""The PostgreSQL forwarder: connections to the first host that accepts writes."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

from weatherd.errors import ConfigError, DeliveryError, Problem
from weatherd.pipeline.forwarders import know_nothing
from weatherd.pipeline.forwarders.notices.official_warnings import ChangeConnection
from weatherd.pipeline.forwarders.postgresql.errors import translate_postgres_errors
from weatherd.pipeline.forwarders.postgresql.hosts import split_hosts
from weatherd.pipeline.forwarders.postgresql.observations import prepare_observations
from weatherd.pipeline.forwarders.postgresql.past_reader import PastReader
from weatherd.pipeline.forwarders.postgresql.warnings import WarningTableWriter
from weatherd.plugins import explain_missing_library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from weatherd.config.settings import Settings
    from weatherd.pipeline.forwarders import ForwarderResources
    from weatherd.pipeline.forwarders.postgresql.observations import FindCity, PostgresConnection

_CONNECT_TIMEOUT = 24.0  # seconds for all hosts
_HOST_TIMEOUT = 10.0  # seconds for one
_CLOSE_TIMEOUT = 0.3  # seconds


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
        async with self.connect_session() as connection:
            yield await prepare_observations(connection, self._find_city)

    @contextlib.asynccontextmanager
    async def connect_warnings(self) -> AsyncIterator[ChangeConnection]:
        """Open another connection, for changes of official warnings. Raises DeliveryError."""
        async with self.connect_session() as connection:
            table = WarningTableWriter(connection, self._find_city)
            await table.prepare()
            yield ChangeConnection(table.deliver)

    @contextlib.asynccontextmanager
    async def open_past(self) -> AsyncIterator[PastReader]:
        """Open another connection, to read the observations of all nodes of a cluster. Raises DeliveryError."""
        async with self.connect_session() as connection:
            yield PastReader(connection)

    @contextlib.asynccontextmanager
    async def connect_session(self) -> AsyncIterator[Any]:
        """Open a connection of the driver, without preparing tables. Raises DeliveryError."""
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


def open_forwarder(settings: Settings, resources: ForwarderResources) -> PostgresForwarder | None:
    """Return the forwarder if ``postgres.dsn`` is set. Raises ConfigError if its driver is not installed."""
    section = settings.postgres
    if not section or not section.dsn:
        return None
    try:
        return PostgresForwarder(section.dsn.get_secret_value(), resources.find_city)
    except ImportError:
        raise ConfigError(Problem("postgres", explain_missing_library("postgres"))) from None
