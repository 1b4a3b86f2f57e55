"""Nodes of a cluster: real daemons on this machine, with state folders of their own, and a real database."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.pipeline.forwarders.harness import wait_until
from tests.support.weatherd_process import ENVIRONMENT, configure, weatherd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.servers import Postgres
    from tests.support.weatherd_process import Process

LEASE = 5.0  # seconds, the shortest
LONG = pytest.mark.skipif("WEATHERD_NODES" not in os.environ, reason="waits for leases to end: see make nodes")


def list_rows(count: int) -> list[str]:
    """Return rows of a list of cities."""
    return [f"{{name: City {number}, lat: {40 + number / 10}, lon: 10.1}}" for number in range(count)]


async def count_rows(server: Postgres, query: str) -> int:
    """Return the number that a query returns; -1 before the tables exist."""
    with contextlib.suppress(asyncpg.UndefinedTableError):
        return int((await server.rows(query))[0][0])
    return -1


async def wait_for_shares(server: Postgres, count: int) -> None:
    """Wait until all shards are held, by *count* nodes."""

    async def is_shared() -> bool:
        free = await count_rows(server, "SELECT count(*) FROM weatherd_shard WHERE owner IS NULL")
        return not free and await count_rows(server, "SELECT count(DISTINCT owner) FROM weatherd_shard") == count

    await wait_until(is_shared)


@contextlib.asynccontextmanager
async def run_node(
    folder: Path, name: str, dsn: str, url: str, rows: list[str], *, port: str = "0", **settings: str
) -> AsyncIterator[Process]:
    """Run a node in *folder* until the end of the ``with``, where it is killed."""
    (folder / name).mkdir(exist_ok=True)
    cluster = f"{{dsn: '{dsn}', name: {name}, lease: {LEASE:g}s}}"
    path = configure(folder / name, url, *rows, cluster=cluster, **settings)
    environ = ENVIRONMENT | {"WEATHERD_LOG__LEVEL": "debug", "WEATHERD_HTTP__PORT": port}
    async with weatherd("run", "-c", path, environ=environ) as process:
        await process.logs("daemon.ready")
        yield process
