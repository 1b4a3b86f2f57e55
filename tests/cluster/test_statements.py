"""The statements on a real PostgreSQL server, by many nodes at once, directly and through a pooler."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import KIEL, observation
from tests.support.servers import PgBouncer, Postgres, running
from weatherd.cluster.database import ExpelledError, PostgresCluster
from weatherd.cluster.shards.notes import PollNotes, parse_last_row
from weatherd.cluster.tables import BEAT, CLAIM, COUNT_SHARDS, EXPEL, JOIN, LASTS, LEAVE, RELEASE, SHARDS
from weatherd.observation import FetchedObservation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from weatherd.cluster.database import ClusterConnection

pytestmark = [pytest.mark.real_time, pytest.mark.once]
NODES = 8


@pytest.fixture
async def server() -> AsyncIterator[Postgres]:
    """Run a database."""
    created = Postgres()
    async with running(created):
        yield created


async def join(connection: ClusterConnection) -> int:
    """Create the row of a node, and return its id."""
    (row,) = await connection.fetch(JOIN, "node", None, "digest")
    return int(row["id"])


async def test_eight_nodes_create_the_tables_at_once(server: Postgres) -> None:
    """None of them fails; a role that may not create tables can use them."""

    async def start() -> int:
        async with PostgresCluster(server.dsn, 10.0).connect() as connection:
            (row,) = await connection.fetch(COUNT_SHARDS)
            return int(row["shards"])

    assert await asyncio.gather(*(start() for _ in range(NODES))) == [SHARDS] * NODES
    await server.rows("CREATE ROLE reader LOGIN")
    await server.rows("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader")
    async with PostgresCluster(server.dsn.replace("postgres@", "reader@"), 10.0).connect() as connection:
        assert await join(connection) > 0


async def test_no_shard_is_claimed_twice(server: Postgres) -> None:
    """Nodes that claim and release at random never hold the same shard, nor more than they asked for."""
    held: dict[int, int] = {}
    doubles = 0

    async def play(seed: int) -> int:
        nonlocal doubles
        chance, claims = random.Random(seed), 0
        async with PostgresCluster(server.dsn, 10.0).connect() as connection:
            node = await join(connection)
            beat = await beat_once(connection, node)
            for _ in range(100):
                limit = chance.randint(1, 300)
                shards = {row["id"] for row in await connection.fetch(CLAIM, node, limit)}
                assert len(shards) <= limit
                doubles += len(shards & held.keys())
                held.update(dict.fromkeys(shards, node))
                claims += len(shards)
                for shard in shards:
                    del held[shard]
                await connection.fetch(RELEASE, node, beat, sorted(shards))
        return claims

    async with PostgresCluster(server.dsn, 10.0).connect():
        claims = await asyncio.gather(*(play(seed) for seed in range(NODES)))
    assert doubles == 0
    assert sum(claims) > 10_000
    assert (await server.rows("SELECT count(*) FROM weatherd_shard WHERE owner IS NULL"))[0][0] == SHARDS


async def beat_once(connection: ClusterConnection, node: int) -> int:
    """Beat, and return the number of the beat."""
    rows = await connection.fetch(BEAT, node, "digest")
    return next(int(row["beat"]) for row in rows if row["id"] == node)


async def test_a_release_of_an_earlier_beat_changes_nothing(server: Postgres) -> None:
    """It may have been given up by a node that polls the shards again."""
    async with PostgresCluster(server.dsn, 10.0).connect() as connection:
        node = await join(connection)
        before = await beat_once(connection, node)
        assert len(await connection.fetch(CLAIM, node, 5)) == 5
        beat = await beat_once(connection, node)
        await connection.fetch(RELEASE, node, before, [0, 1])
        assert list((await connection.fetch(BEAT, node, "digest"))[0]["shards"]) == [0, 1, 2, 3, 4]
        await connection.fetch(RELEASE, node, beat + 1, [0, 1])
        assert list((await connection.fetch(BEAT, node, "digest"))[0]["shards"]) == [2, 3, 4]


async def test_a_node_that_beats_is_not_expelled_and_one_that_is_expelled_does_not_beat(server: Postgres) -> None:
    """Nodes beat while others try to expel them by the beat that they saw: nobody beats after an expulsion."""
    expelled: set[int] = set()
    beats: dict[int, int] = {}  # the last answered one of each node
    counts: Counter[str] = Counter()

    async def live(seed: int) -> None:
        chance = random.Random(seed)
        async with PostgresCluster(server.dsn, 10.0).connect() as connection:
            node = await join(connection)
            for _ in range(150):
                was_expelled = node in expelled  # before the beat was sent
                rows = await connection.fetch(BEAT, node, "digest")
                counts["beats after an expulsion"] += was_expelled and bool(rows)
                if not rows:
                    with contextlib.suppress(ExpelledError):  # unless no shard is free
                        assert not await connection.fetch(CLAIM, node, 1)
                    counts["rejoined"] += 1
                    node = await join(connection)
                    continue
                beats[node] = next(row["beat"] for row in rows if row["id"] == node)
                with contextlib.suppress(ExpelledError):  # since the beat
                    await connection.fetch(CLAIM, node, 3)
                victim = chance.choice(rows)
                if victim["id"] != node and chance.random() < 0.3:
                    has_beaten = beats.get(victim["id"], 0) > victim["beat"]
                    gone = await connection.fetch(EXPEL, victim["id"], victim["beat"])
                    counts["unseen beats"] += has_beaten and bool(gone)
                    counts["expulsions" if gone else "refused"] += 1
                    expelled.update(row["id"] for row in gone)

    async with PostgresCluster(server.dsn, 10.0).connect():
        await asyncio.gather(*(live(seed) for seed in range(NODES)))
    assert (counts["beats after an expulsion"], counts["unseen beats"]) == (0, 0)
    assert min(counts["expulsions"], counts["refused"], counts["rejoined"]) > 0
    orphans = "SELECT count(*) FROM weatherd_shard WHERE owner NOT IN (SELECT id FROM weatherd_node)"
    assert (await server.rows(orphans))[0][0] == 0


async def test_what_was_noted_is_read_by_the_next_owner(server: Postgres) -> None:
    """All fields of an observation arrive; an older one never replaces a newer one."""
    older, newer = observation(KIEL, temperature=1.0), observation(KIEL, temperature=2.0, wind_gust=9.5, station="x")
    newer = newer._replace(fetched_at=older.fetched_at.replace(year=older.fetched_at.year + 1), quality="suspect: a b")
    async with PostgresCluster(server.dsn, 10.0).connect() as connection:
        for found in (older, newer, older):
            notes = PollNotes()
            notes.add(FetchedObservation(KIEL, found))
            await notes.write(connection, 1, lambda _: None)
        (row,) = await connection.fetch(LASTS, [0])
    assert parse_last_row(row) == (KIEL.lat, KIEL.lon, newer, None)


async def test_a_pooler_in_transaction_mode_can_be_used(server: Postgres) -> None:
    """Sessions change between the statements of several nodes, and each statement gets its own rows."""
    pooler = PgBouncer(server)
    async with running(pooler):

        async def live() -> int:
            async with PostgresCluster(pooler.dsn, 10.0).connect() as connection:
                node, rounds = await join(connection), 0
                for _ in range(50):
                    beat = await beat_once(connection, node)
                    shards = [row["id"] for row in await connection.fetch(CLAIM, node, 10)]
                    await connection.fetch(RELEASE, node, beat, shards)
                    rounds += 1
                return rounds

        assert await asyncio.gather(*(live() for _ in range(NODES))) == [50] * NODES


async def test_the_row_of_another_database_is_not_deleted(server: Postgres) -> None:
    """The id of a last start may be that of another node, if the state folder was used with another database."""
    async with PostgresCluster(server.dsn, 10.0).connect() as connection:
        (row,) = await connection.fetch(JOIN, "node", None, "digest")
        other: Any = row["joined"].replace(year=2001)
        await connection.fetch(LEAVE, row["id"], other)
        assert await connection.fetch(BEAT, row["id"], "digest")
        await connection.fetch(LEAVE, row["id"], row["joined"])
        assert not await connection.fetch(BEAT, row["id"], "digest")
