"""The calls of a command, such as ``weatherd once``, beside the nodes of a cluster."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from weatherd.cluster.database import DatabaseError, PostgresCluster
from weatherd.cluster.quota.allotment import Allotment, CommandShare
from weatherd.cluster.registration import read_start
from weatherd.errors import ConfigError, Problem
from weatherd.plugins import explain_missing_library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from weatherd.cluster.database import ClusterConnection, ClusterDatabase
    from weatherd.config.sections.cluster import ClusterSection

_TIME_LIMIT = 3.0  # seconds of a statement, and of the connection
_BRIDGE = 10.0  # seconds: calls are asked for when a request needs them
_PERIOD = 0.1  # seconds between two exchanges; one without a need has no statement
# Of the rate, for commands on a machine without shards while nodes hold all of them: half of what plans hold back
_GUEST_PART = 0.025
FIND_SHARES = """
SELECT count(*) AS shards, count(*) FILTER (WHERE owner = $1) AS own, count(*) FILTER (WHERE owner IS NULL) AS free,
  (SELECT count(*) FROM weatherd_node) AS nodes FROM weatherd_shard
"""


@contextlib.asynccontextmanager
async def open_command_allotment(
    section: ClusterSection, folder: Path, now: Callable[[], datetime]
) -> AsyncIterator[Allotment]:
    """Open the calls of a command with this state folder; those that it does not use are returned at the end.

    It has the rate of this machine's node, with which it shares the state folder; without one, that of the shards that
    no node holds. Raises ConfigError if the database's driver is not installed.
    """
    try:
        database = PostgresCluster(section.dsn.get_secret_value() if section.dsn else "", _TIME_LIMIT)
    except ImportError:
        raise ConfigError(Problem("cluster", explain_missing_library("postgres"))) from None
    start = read_start(folder)
    async with share_calls(database, start.id if start else None, now) as allotment:
        yield allotment


@contextlib.asynccontextmanager
async def share_calls(
    database: ClusterDatabase, node: int | None, now: Callable[[], datetime]
) -> AsyncIterator[Allotment]:
    """Share the calls of the plans with the nodes; *node* is that of this machine.

    Without the database, requests to services whose plans limit hours, days or months fail at once.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(database.connect())
            (row,) = await connection.fetch(FIND_SHARES, node)
        except DatabaseError as error:
            yield Allotment(_BRIDGE, now, CommandShare(_GUEST_PART, is_guest=True, outage=_explain(error)))
            return
        allotment = Allotment(_BRIDGE, now, _find_share(row))
        end = asyncio.Event()
        exchanges = asyncio.create_task(_exchange_calls(allotment, connection, end), name="exchange calls")
        try:
            yield allotment
        finally:
            end.set()
            await exchanges
            with contextlib.suppress(DatabaseError):
                await allotment.give_back(connection.fetch)


def _find_share(row: Mapping[str, int]) -> CommandShare:
    nodes, is_guest = row["nodes"] + 1, not row["own"]
    held = max(row["free"], _GUEST_PART * row["shards"]) if is_guest else row["own"]
    return CommandShare(held / row["shards"], nodes, is_guest)


async def _exchange_calls(allotment: Allotment, connection: ClusterConnection, end: asyncio.Event) -> None:
    while not end.is_set():
        try:
            await allotment.exchange(connection.fetch)
        except DatabaseError as error:
            allotment.set_outage(_explain(error))
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PERIOD):
                await end.wait()


def _explain(error: DatabaseError) -> str:
    return f"the cluster's database, which hands out the calls, cannot be used: {error}"
