"""The statements that hand out calls, executed by a real server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.cluster.nodes import NOON, Clock, QuotaNode
from tests.cluster.quota_table import QuotaTable
from tests.support.servers import Postgres, running
from weatherd.cluster.quota.quota_tables import FORGET_CALLS, GRANT_CALLS, RETURN_CALLS
from weatherd.quota.plans import Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    Row = tuple[str, str, float, float, float]

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

NODES = 9
_RETURNS = 60  # turns of a node in which it may return calls
TABLE = """
CREATE TABLE weatherd_quota (
  provider text, win text, started double precision,
  most double precision NOT NULL, allotted double precision NOT NULL, granted double precision NOT NULL,
  PRIMARY KEY (provider, win, started)
)
"""


@contextlib.asynccontextmanager
async def _open_database() -> AsyncIterator[list[asyncpg.Connection]]:
    async with running(server := Postgres()):
        await server.rows(TABLE)
        connections = [await asyncpg.connect(server.dsn) for _ in range(NODES)]
        try:
            yield connections
        finally:
            for connection in connections:
                await connection.close()


async def _sums(connection: asyncpg.Connection) -> dict[tuple[str, str], float]:
    return {(row["provider"], row["win"]): row["allotted"] for row in await connection.fetch("TABLE weatherd_quota")}


async def _take_all(connection: asyncpg.Connection, draws: random.Random, rows: Sequence[Row]) -> float:
    """Ask for calls and return some of them, in any order of the rows, until all windows are used up."""
    kept = dict.fromkeys((row[:3] for row in rows), 0.0)
    for turn in itertools.count():
        asked = [(*row[:3], float(draws.randint(1, 40)), row[4]) for row in draws.sample(list(rows), len(rows))]
        granted = await connection.fetch(GRANT_CALLS, *map(list, zip(*asked, strict=True)))
        for row in granted:
            kept[row["provider"], row["win"], row["started"]] += row["granted"]
        if turn > _RETURNS and not any(row["granted"] for row in granted):
            break
        if turn < _RETURNS and draws.random() < 0.3:
            returned = [(*key, calls // 2) for key, calls in draws.sample(list(kept.items()), len(kept))]
            await connection.fetch(RETURN_CALLS, *map(list, zip(*returned, strict=True)))
            for provider, window, started, calls in returned:
                kept[provider, window, started] -= calls
    return sum(kept.values())


async def test_nodes_at_once_are_never_given_more_than_the_plan() -> None:
    """Nine connections ask and return at once, without a deadlock, until exactly the plans' calls are handed out."""
    rows: list[Row] = [("open-meteo", "hour", NOON, 0.0, 5000.0), ("open-meteo", "day", NOON, 0.0, 10_000.0)]
    rows.append(("openweathermap", "month", NOON, 0.0, 7000.0))
    async with _open_database() as connections:
        taken = await asyncio.gather(*(_take_all(one, random.Random(n), rows) for n, one in enumerate(connections)))
        sums = await _sums(connections[0])
    assert sum(taken) == 22_000
    assert sums == {(row[0], row[1]): row[4] for row in rows}


async def test_a_limit_that_became_smaller_hands_out_nothing_more() -> None:
    """After a change to a smaller plan, what was handed out stays, and no more is."""
    async with _open_database() as (connection, *_):
        await connection.fetch(GRANT_CALLS, ["a"], ["day"], [NOON], [80.0], [100.0])
        (row,) = await connection.fetch(GRANT_CALLS, ["a"], ["day"], [NOON], [80.0], [50.0])
        assert (row["granted"], row["allotted"]) == (0.0, 80.0)


async def test_the_statements_do_what_their_model_does() -> None:
    """Random statements give the same rows as the dict that the tests on virtual time use."""
    draws, model = random.Random(7), QuotaTable()
    keys = [("a", "hour", NOON), ("a", "day", NOON), ("b", "month", NOON + 1)]
    async with _open_database() as (connection, *_):
        for _ in range(300):
            rows: list[tuple[str | float, ...]]
            some = draws.sample(keys, draws.randint(1, 3))
            if draws.random() < 0.7:
                rows = [(*key, float(draws.choice([0, 1, 7, 500])), draws.choice([50.0, 100.0])) for key in some]
                statement = GRANT_CALLS
            else:
                rows = [(*key, float(draws.choice([0, 3, 90]))) for key in some]
                statement = RETURN_CALLS
            values = list(map(list, zip(*rows, strict=True)))
            found = {tuple(row.values()) for row in await connection.fetch(statement, *values)}
            assert found == {tuple(row.values()) for row in await model.fetch(statement, *values)}
        assert await _sums(connection) == {key[:2]: allotted for key, allotted in model.allotted.items()}


async def test_nodes_share_a_plan_through_the_database() -> None:
    """Nine nodes that want more than an hour's calls make them all; what they return at their ends can be used."""
    clock, plan = Clock(NOON + 60), Plan({"hour": 900}, rate=1000.0, burst=1000.0)
    async with _open_database() as connections:
        nodes = [QuotaNode(QuotaTable(), clock, plan, 0.1) for _ in connections]
        for node in nodes:
            node.allotment.set_share(1, NODES, NODES)
        sent = 0
        for _ in range(60):
            clock.seconds += 1
            await asyncio.gather(
                *(node.allotment.exchange(one.fetch) for node, one in zip(nodes, connections, strict=True))
            )
            sent += sum(node.send() for node in nodes for _ in range(5))
        (row,) = await connections[0].fetch("TABLE weatherd_quota")
        assert sent <= row["allotted"] <= 900
        for node, connection in zip(nodes, connections, strict=True):
            await node.allotment.give_back(connection.fetch)
        assert await _sums(connections[0]) == {("fake", "hour"): sent}
        assert sent > 890
        await nodes[0].allotment.forget_old(connections[0].fetch)
        assert await _sums(connections[0])
        await connections[0].fetch(FORGET_CALLS, NOON + 1)
        assert not await _sums(connections[0])
