"""The table in a real PostgreSQL."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from tests.pipeline.forwarders.far import told
from tests.pipeline.forwarders.rig import Rig, rig, until
from tests.support.fakes import BERLIN
from tests.support.servers import Postgres, running
from weatherd.observation import FIELDS
from weatherd.pipeline.forwarders.postgres import TABLE, open_forwarder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]


@asynccontextmanager
async def postgres(folder: Path) -> AsyncIterator[tuple[Rig, Postgres]]:
    """Have a server that runs, and a rig."""
    server = Postgres()
    async with running(server), rig(folder / "state") as made:
        yield made, server


def block(server: Postgres) -> dict[str, Any]:
    """Return the settings."""
    return {"postgres": {"dsn": server.dsn}}


async def test_a_server_that_dies_and_freezes_gets_everything(tmp_path: Path) -> None:
    """Down at the start, killed while it takes batches, frozen: in the end the table is what the journal is."""
    async with postgres(tmp_path) as (made, server):
        server.dies()
        await made.adds(3000)
        with told() as logs:
            async with made.forwards(open_forwarder, **block(server)) as forwards:
                await until(lambda: _told(logs, "forwarder.down"))
                await server.starts()
                await until(lambda: _told(logs, "forwarder.recovered"))
                server.dies()
                await made.adds(2000, BERLIN, station="K1", code=None, wind_gust=12.5)
                await server.starts()
                await until(lambda: _is_level(forwards))
                server.freezes()
                await made.adds(500)
                server.thaws()
                await until(lambda: _is_level(forwards))
        rows = await server.rows(f"SELECT {', '.join(FIELDS)} FROM {TABLE} ORDER BY observed_at")  # noqa: S608
        async with made.journal.open_reader() as reading:
            kept = [entry.observation for entry in await reading.read_after(0, 10_000)]
        assert [tuple(row) for row in rows] == [tuple(getattr(each, name) for name in FIELDS) for each in kept]
        assert len(kept) == 5500


async def test_a_revision_takes_the_place_of_the_row(tmp_path: Path) -> None:
    """What was delivered before changes nothing; what was corrected since does."""
    async with postgres(tmp_path) as (made, server):
        async with made.forwards(open_forwarder, **block(server)) as forwards:
            for temperature in (1.0, 2.5):
                await made.adds(1, observed_at=made.begin, temperature=temperature)
                await until(lambda: _is_level(forwards))
        assert [row["temperature"] for row in await server.rows(f"SELECT * FROM {TABLE}")] == [2.5]  # noqa: S608


async def test_a_row_that_the_table_refuses_is_set_aside(tmp_path: Path) -> None:
    """A rule of the owner's on the table costs the rows that break it, and no others."""
    async with postgres(tmp_path) as (made, server), made.forwards(open_forwarder, **block(server)) as forwards:
        await made.adds(1)
        await until(lambda: _is_level(forwards))
        await server.rows(f"ALTER TABLE {TABLE} ADD CHECK (temperature <> 7)")
        await made.adds(20)
        await until(lambda: _is_level(forwards))
        assert forwards.counters()["far"] == {"delivered": 20, "skipped": 1, "behind": 0}


async def test_who_may_not_make_tables_may_have_been_given_one(tmp_path: Path) -> None:
    """A role with nothing but the right to write its rows is enough; without a table it is told."""
    async with postgres(tmp_path) as (made, server):
        connection = await asyncpg.connect(server.dsn)
        await connection.execute(
            "CREATE ROLE little LOGIN PASSWORD 'sesame'; REVOKE CREATE ON SCHEMA public FROM PUBLIC"
        )
        dsn = server.dsn.replace("postgres@", "little:sesame@")
        await made.adds(5)
        with told() as logs:
            async with made.forwards(open_forwarder, postgres={"dsn": dsn}) as forwards:
                await until(lambda: _told(logs, "forwarder.down"))
                assert "permission denied" in logs[0]["reason"]
                async with made.forwards(open_forwarder, **block(server)) as owner:
                    await until(lambda: _is_level(owner))
                await connection.execute(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO little")
                await until(lambda: _told(logs, "forwarder.recovered"))
                await until(lambda: _is_level(forwards))
        await connection.close()
        assert "sesame" not in str(logs)


async def _told(logs: list[Any], event: str) -> bool:
    return any(log["event"] == event for log in logs)


async def _is_level(forwards: Any) -> bool:
    return not forwards.counters()["far"]["behind"]
