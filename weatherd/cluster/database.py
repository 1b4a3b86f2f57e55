"""Connections to the database that the nodes share."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from typing import TYPE_CHECKING, Any, Protocol

from weatherd.cluster.tables import ARE_TABLES_MISSING, TABLE_LOCK, TABLES
from weatherd.errors import WeatherdError, describe
from weatherd.pipeline.forwarders.postgresql.hosts import split_hosts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager


class DatabaseError(WeatherdError):
    """The database did not carry out a statement, or did not respond in time. It may have carried it out later."""


class ExpelledError(WeatherdError):
    """The row of this node does not exist any more: the others have taken it for dead."""


class ClusterConnection(Protocol):
    """A connection to the database."""

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        """Execute a statement as a transaction of its own and return its rows, by column name.

        Raises DatabaseError, after which the connection is not used again, and ExpelledError.
        """


class ClusterDatabase(Protocol):
    """The database, which can be connected to."""

    def connect(self) -> AbstractAsyncContextManager[ClusterConnection]:
        """Connect inside the ``async with``. Raises DatabaseError."""


class PostgresCluster:
    """A PostgreSQL database, directly or through a pooler such as PgBouncer in transaction mode.

    Time limits are the client's, because a pooler rejects ``statement_timeout``, and a network that drops packets
    reports nothing. For the same reason a connection is terminated after an error, without waiting for the server.
    """

    def __init__(self, dsn: str, time_limit: float) -> None:
        self._hosts = split_hosts(dsn)
        self._time_limit = time_limit  # seconds of each statement, and of the connection to a host
        self._asyncpg = importlib.import_module("asyncpg")
        self._has_tables = False

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[ClusterConnection]:
        """Connect inside the ``async with``; the first time, create the tables that are missing."""
        opened = await self._open()
        try:
            connection = PostgresClusterConnection(opened, self._time_limit)
            if not self._has_tables:
                await connection.create_tables()
                self._has_tables = True
            yield connection
        finally:
            opened.terminate()

    async def _open(self) -> Any:
        """Connect to the first host that responds and, if there are several, accepts writes."""
        reasons = []
        for host in self._hosts:
            is_chosen = "target_session_attrs=" in host.dsn or len(self._hosts) == 1
            try:
                with translate_database_errors():
                    async with asyncio.timeout(self._time_limit):
                        return await self._asyncpg.connect(
                            host.dsn,
                            timeout=self._time_limit,
                            statement_cache_size=0,  # a pooler's sessions have the prepared statements of others
                            server_settings={"application_name": "weatherd cluster"},
                            target_session_attrs=None if is_chosen else "read-write",
                        )
            except DatabaseError as error:
                reasons.append(f"{host.name}: {error}")
        raise DatabaseError("; ".join(reasons))


class PostgresClusterConnection:
    """A connection of asyncpg, with a time limit for each statement."""

    def __init__(self, connection: Any, time_limit: float) -> None:
        self._connection = connection
        self._time_limit = time_limit

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        """Execute a statement and return its rows. Raises DatabaseError or ExpelledError."""
        with translate_database_errors():
            async with asyncio.timeout(self._time_limit):
                return list(await self._connection.fetch(statement, *values))

    async def create_tables(self) -> None:
        """Create the tables that are missing; the role needs the right to do so only then.

        The statements are sent as one, which makes them one transaction. It holds a lock, because two sessions that
        create a table at the same time fail even with IF NOT EXISTS.
        """
        (row,) = await self.fetch(ARE_TABLES_MISSING, list(TABLES))
        if row["missing"]:
            statements = (f"SELECT pg_advisory_xact_lock({TABLE_LOCK})", *TABLES.values())
            with translate_database_errors():
                async with asyncio.timeout(self._time_limit):
                    await self._connection.execute("; ".join(statements))


@contextlib.contextmanager
def translate_database_errors() -> Iterator[None]:
    """Translate the driver's exceptions into DatabaseError or ExpelledError."""
    asyncpg = importlib.import_module("asyncpg")
    try:
        yield
    except TimeoutError:
        raise DatabaseError("no response in time") from None
    except asyncpg.ForeignKeyViolationError:  # from a claim
        raise ExpelledError("the row of this node does not exist any more") from None
    except asyncpg.InternalClientError:  # whose text is about the driver's own states
        raise DatabaseError("the connection broke") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise DatabaseError(describe(error)) from None
