"""The calls of a command beside the nodes of a cluster, with a real database."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.support.servers import Postgres, running
from weatherd.cluster.database import PostgresCluster
from weatherd.cluster.quota.command_allotment import share_calls
from weatherd.cluster.tables import JOIN
from weatherd.daemon.wiring import utc_now
from weatherd.errors import Failure, ProviderError
from weatherd.quota.limiter import RateLimiter
from weatherd.quota.plans import PLANS, UNLIMITED, Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from weatherd.cluster.quota.allotment import Allotment

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

FREE = PLANS["open-meteo"]["free"]
HOURLY = Plan({"minute": 60_000, "hour": 100}, rate=1000.0, burst=1000.0)


@contextlib.asynccontextmanager
async def _open_cluster(*shares: int) -> AsyncIterator[tuple[Postgres, PostgresCluster]]:
    """Run a database with nodes that hold these numbers of its 1,024 shards."""
    async with running(server := Postgres()):
        database = PostgresCluster(server.dsn, 10.0)
        async with database.connect() as connection:
            for share in shares:
                (row,) = await connection.fetch(JOIN, "node", None, "")
                free = "SELECT id FROM weatherd_shard WHERE owner IS NULL ORDER BY id LIMIT $2"
                await connection.fetch(f"UPDATE weatherd_shard SET owner = $1 WHERE id IN ({free})", row["id"], share)  # noqa: S608
        yield server, database


def _make_limiter(allotment: Allotment, plan: Plan) -> RateLimiter:
    limiter = RateLimiter(allotment.create_meter("fake", plan), 4, utc_now, lambda: None, lambda: 0.0)
    allotment.add_limiter(limiter, plan)
    return limiter


async def _send(limiter: RateLimiter, times: int) -> int:
    """Send requests at once; return how many were sent."""

    async def respond() -> int:
        return 1

    sent = await asyncio.gather(*(limiter.run(respond) for _ in range(times)), return_exceptions=True)
    assert all(
        result == 1 or (isinstance(result, ProviderError) and result.failure is Failure.PAUSED) for result in sent
    )
    return sum(result == 1 for result in sent)


async def test_a_command_uses_the_rate_of_its_own_node() -> None:
    """With a quarter of the shards it has a quarter of the rate, and its concurrency is divided by all."""
    async with _open_cluster(256, 768) as (_, database), share_calls(database, 1, utc_now) as allotment:
        meter = allotment.create_meter("fake", FREE)
        assert (meter.bucket.rate, meter.bucket.burst) == pytest.approx((FREE.rate / 4, FREE.burst / 4))


async def test_commands_and_nodes_together_never_exceed_the_plan() -> None:
    """Three commands at once make exactly the calls of the hour that the nodes have left, and are then refused."""
    async with _open_cluster(1024) as (server, database), contextlib.AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(share_calls(database, None, utc_now)) for _ in range(3)]
        sent = await asyncio.gather(*(_send(_make_limiter(allotment, HOURLY), 60) for allotment in opened))
        (row,) = await server.rows("SELECT allotted FROM weatherd_quota WHERE win = 'hour' ORDER BY started LIMIT 1")
        assert sum(sent) <= row["allotted"] <= 100
        assert sum(sent) >= 50  # unless an hour begins meanwhile, all of them


async def test_guests_share_a_part_of_the_minute() -> None:
    """Commands on machines without a node have a fortieth of a minute together, while nodes hold all shards."""
    plan = Plan({"minute": 120, "hour": 1000}, rate=1000.0, burst=1000.0)
    async with _open_cluster(1024) as (server, database), contextlib.AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(share_calls(database, None, utc_now)) for _ in range(2)]
        sent = await asyncio.gather(*(_send(_make_limiter(allotment, plan), 20) for allotment in opened))
        rows = await server.rows("SELECT most, allotted FROM weatherd_quota WHERE win = 'minute'")
        assert {row["most"] for row in rows} == {3.0}
        assert sum(sent) <= sum(row["allotted"] for row in rows) <= 3 * len(rows)
        assert sum(sent) >= 1


async def test_a_command_returns_what_it_did_not_use() -> None:
    """Afterwards as many calls are handed out as it made."""
    async with _open_cluster(1024) as (server, database):
        async with share_calls(database, 1, utc_now) as allotment:
            assert await _send(_make_limiter(allotment, HOURLY), 5) == 5
        rows = await server.rows("SELECT allotted FROM weatherd_quota WHERE win = 'hour'")
        assert max(row["allotted"] for row in rows) == 5


async def test_without_the_database_only_plans_that_hand_out_calls_fail() -> None:
    """They fail at once with the reason; a service of one's own is polled."""
    database = PostgresCluster("postgresql://nobody@127.0.0.1:9/none", 1.0)
    async with share_calls(database, None, utc_now) as allotment:
        assert await _send(_make_limiter(allotment, UNLIMITED), 3) == 3
        with pytest.raises(ProviderError, match="the cluster's database, which hands out the calls, cannot be used: "):
            await _make_limiter(allotment, HOURLY).run(asyncio.Event().wait)
