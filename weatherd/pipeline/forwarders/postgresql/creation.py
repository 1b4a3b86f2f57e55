"""Creation of a table that is missing, also by several daemons at once."""

from __future__ import annotations

from typing import Any

# Of the transaction, because a pooler may give the next transaction another session
_LOCK = "SELECT pg_advisory_xact_lock(8317)"
_FIND = "SELECT to_regclass($1)"
_HAS_EXTENSION = "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"


async def create_missing_table(connection: Any, name: str, create: str, make_hypertable: str | None = None) -> None:
    """Create a table unless it exists; *make_hypertable* is executed, too, if TimescaleDB is installed.

    A role that may not create tables needs no right if the table exists. Of two daemons that start together, the second
    one waits for the first. Then both statements must accept that it has created the table: ``IF NOT EXISTS`` looks
    again, and ``to_regclass`` does not, because the session has cached that there is no such table.

    Raises the driver's errors.
    """
    async with connection.transaction():
        if await connection.fetchval(_FIND, name):
            return
        await connection.execute(_LOCK)
        await connection.execute(create)
        if make_hypertable and await connection.fetchval(_HAS_EXTENSION):
            await connection.execute(make_hypertable)
