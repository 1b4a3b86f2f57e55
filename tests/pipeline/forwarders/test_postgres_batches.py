"""What PostgreSQL is asked for a batch, counted by the server itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.forwarders.harness import is_caught_up, is_caught_up_with_warnings, run_postgres, wait_until
from tests.support.fakes import observation
from tests.support.official_warnings import storm
from tests.support.servers import PgBouncer, running
from tests.support.virtual_time import EPOCH
from weatherd.errors import RejectedError
from weatherd.pipeline.forwarders.postgres import PostgresForwarder, open_forwarder
from weatherd.pipeline.forwarders.postgresql.observations import TABLE

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.observation import Observation

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

HALF_SECOND = 833  # observations in half a second at 1,667 a second, which join one batch
NODES = 8


async def test_a_busy_daemon_executes_few_statements(tmp_path: Path) -> None:
    """Two seconds with 1,667 observations each are at most 40 statements, through a pooler in transaction mode."""
    async with run_postgres(tmp_path) as (harness, server), running(pooler := PgBouncer(server)):
        section = {"postgres": {"dsn": pooler.dsn}}
        async with harness.run_forwarder(open_forwarder, **section) as deliveries:
            await harness.add_observations(1)
            await wait_until(lambda: is_caught_up(deliveries))
            await server.count_statements()
            for _ in range(4):
                await harness.add_observations(HALF_SECOND)
                await wait_until(lambda: is_caught_up(deliveries))
            counted = await server.statements()
        assert sum(counted.values()) <= 40, counted
        assert sum(calls for query, calls in counted.items() if "INSERT" in query) >= 4
        rows = await server.rows(f"SELECT count(*), max(temperature) FROM {TABLE}")  # noqa: S608
        assert tuple(rows[0]) == (1 + 4 * HALF_SECOND, 4.0 * HALF_SECOND)


async def test_changes_of_warnings_are_one_statement(tmp_path: Path) -> None:
    """Thirty changes are one batch, and so one statement in a transaction."""
    async with run_postgres(tmp_path) as (harness, server):
        await harness.add_change("new", storm("first"))
        async with harness.run_forwarder(open_forwarder, postgres={"dsn": server.dsn}) as deliveries:
            await wait_until(lambda: is_caught_up_with_warnings(deliveries))
        await server.count_statements()
        for number in range(30):
            await harness.add_change("new", storm(f"storm-{number}"))
        async with harness.run_forwarder(open_forwarder, postgres={"dsn": server.dsn}) as deliveries:
            await wait_until(lambda: is_caught_up_with_warnings(deliveries))
        counted = await server.statements()
        assert [calls for query, calls in counted.items() if "INSERT" in query] == [1]
        assert (await server.rows("SELECT count(*) FROM weatherd_warning"))[0][0] == 31


async def test_rows_of_one_identity_in_a_batch_are_as_one_after_the_other(tmp_path: Path) -> None:
    """Whichever way they are divided into batches, the table decides in the same way between revisions and the past."""
    told = (("backfill", 5), ("live", 3), ("live", 6), ("live", 6), ("import", 9), ("live", 7))
    rows = [
        observation(
            origin=origin, temperature=float(number), fetched_at=EPOCH + timedelta(minutes=minute), observed_at=at
        )
        for at in (EPOCH, EPOCH - timedelta(hours=1))
        for number, (origin, minute) in enumerate(told)
    ]
    found = []
    async with run_postgres(tmp_path) as (_, server), PostgresForwarder(server.dsn).connect() as connection:
        for size in (1, 2, 5, len(rows)):
            await server.rows(f"TRUNCATE {TABLE}")
            for start in range(0, len(rows), size):
                await connection.deliver(rows[start : start + size], "key")
            kept = await server.rows(f"SELECT observed_at, origin, temperature FROM {TABLE} ORDER BY 1 DESC")  # noqa: S608
            found.append([tuple(row) for row in kept])
    assert found == [[(EPOCH, "live", 5.0), (EPOCH - timedelta(hours=1), "live", 5.0)]] * 4


async def test_a_rejected_batch_leaves_no_row(tmp_path: Path) -> None:
    """A value outside the range of a column rejects the whole batch, so that the engine finds the row in it."""
    async with run_postgres(tmp_path) as (_, server):
        async with PostgresForwarder(server.dsn).connect() as connection:
            await server.rows(f"ALTER TABLE {TABLE} ALTER COLUMN wind_gust TYPE numeric(4, 1)")
            batch = [observation(observed_at=EPOCH + timedelta(minutes=minute)) for minute in range(5)]
            batch[3] = batch[3]._replace(wind_gust=5000.0)
            with pytest.raises(RejectedError, match="overflow"):
                await connection.deliver(batch, "key")
            await connection.deliver([row for row in batch if row.wind_gust is None], "key")
        assert (await server.rows(f"SELECT count(*) FROM {TABLE}"))[0][0] == 4  # noqa: S608


@pytest.mark.parametrize("is_pooled", [False, True])
@pytest.mark.parametrize("is_earlier", [False, True])
async def test_daemons_that_start_together_have_the_tables(
    tmp_path: Path,
    *,
    is_pooled: bool,
    is_earlier: bool,
) -> None:
    """None of eight fails, in an empty database as with a table of an earlier release, directly or through a pooler."""
    async with run_postgres(tmp_path) as (_, server), running(pooler := PgBouncer(server, sessions=NODES)):
        dsn = pooler.dsn if is_pooled else server.dsn
        if is_earlier:
            async with PostgresForwarder(server.dsn).connect():
                await server.rows(f"ALTER TABLE {TABLE} DROP COLUMN origin, DROP COLUMN name, DROP COLUMN tags")
        await asyncio.gather(*(_start(dsn, number) for number in range(NODES)))
        rows = await server.rows(f"SELECT count(*), count(origin) FROM {TABLE}")  # noqa: S608
        assert tuple(rows[0]) == (NODES, NODES)


async def _start(dsn: str, number: int) -> None:
    forwarder = PostgresForwarder(dsn)
    async with forwarder.connect() as connection, forwarder.connect_warnings():
        await connection.deliver([observation(observed_at=EPOCH + timedelta(minutes=number))], "key")


async def test_two_daemons_that_write_the_same_rows_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """In opposite orders they would lock each other's rows, until the server ends one of them."""
    rows = [observation(observed_at=EPOCH + timedelta(minutes=minute)) for minute in range(1000)]

    async def deliver(dsn: str, batch: list[Observation]) -> None:
        async with PostgresForwarder(dsn).connect() as connection:
            for round_number in range(20):
                fetched_at = EPOCH + timedelta(hours=round_number)
                await connection.deliver([row._replace(fetched_at=fetched_at) for row in batch], "key")

    async with run_postgres(tmp_path) as (_, server):
        await asyncio.gather(deliver(server.dsn, rows), deliver(server.dsn, rows[::-1]))
        deadlocks = await server.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'")
        assert deadlocks[0][0] == 0
