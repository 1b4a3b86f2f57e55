"""The PostgreSQL forwarder, against a real server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from tests.pipeline.forwarders.destination import capture_warnings
from tests.pipeline.forwarders.harness import (
    is_caught_up,
    is_logged,
    run_postgres,
    wait_until,
)
from tests.support.fakes import BERLIN, KIEL, observation
from tests.support.virtual_time import EPOCH
from weatherd.observation import FIELDS
from weatherd.pipeline.forwarders.group import DeliveryStatus
from weatherd.pipeline.forwarders.postgres import PostgresForwarder, open_forwarder
from weatherd.pipeline.forwarders.postgresql.observations import TABLE

if TYPE_CHECKING:
    from tests.support.servers import Postgres

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]


def forwarder_settings(server: Postgres) -> dict[str, Any]:
    """Return the forwarder's settings."""
    return {"postgres": {"dsn": server.dsn}}


async def test_a_server_that_dies_and_freezes_gets_everything(tmp_path: Path) -> None:
    """Down at the start, killed while it receives batches, frozen: in the end the table equals the journal."""
    async with run_postgres(tmp_path) as (harness, server):
        server.dies()
        await harness.add_observations(3000)
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries:
                await wait_until(lambda: is_logged(logs, "forwarder.down"))
                await server.starts()
                await wait_until(lambda: is_logged(logs, "forwarder.recovered"))
                server.dies()
                await harness.add_observations(2000, BERLIN, station="K1", code=None, wind_gust=12.5)
                await server.starts()
                await wait_until(lambda: is_caught_up(deliveries))
                server.freezes()
                await harness.add_observations(500)
                server.thaws()
                await wait_until(lambda: is_caught_up(deliveries))
        rows = await server.rows(f"SELECT {', '.join(FIELDS)} FROM {TABLE} ORDER BY observed_at")  # noqa: S608
        async with harness.journal.open_reader() as reading:
            kept = [entry.observation for entry in await reading.read_after(0, 10_000)]
        assert [tuple(row) for row in rows] == [
            tuple(getattr(observation, name) for name in FIELDS) for observation in kept
        ]
        assert len(kept) == 5500


async def test_a_frozen_server_does_not_delay_the_stop(tmp_path: Path) -> None:
    """Neither the end of the transaction nor the connection's close waits for its response; nothing counts as sent."""
    async with run_postgres(tmp_path) as (harness, server):
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries:
            await harness.add_observations(10)
            await wait_until(lambda: is_caught_up(deliveries))
            server.freezes()
            await harness.add_observations(1000)
            began = asyncio.get_running_loop().time()
        elapsed = asyncio.get_running_loop().time() - began
        server.thaws()
        assert deliveries.statuses()["destination"] == DeliveryStatus(10, 0, 1000, is_down=False)
        assert 1.0 <= elapsed < 3.0  # the harness lets it deliver for a second


async def test_a_revision_replaces_the_row(tmp_path: Path) -> None:
    """A row that is delivered again changes nothing; a revision replaces the row."""
    async with run_postgres(tmp_path) as (harness, server):
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries:
            for temperature in (1.0, 2.5):
                await harness.add_observations(1, observed_at=harness.begin, temperature=temperature)
                await wait_until(lambda: is_caught_up(deliveries))
        assert [row["temperature"] for row in await server.rows(f"SELECT * FROM {TABLE}")] == [2.5]  # noqa: S608


async def test_an_observation_of_the_past_does_not_replace_a_live_row(tmp_path: Path) -> None:
    """It may be fetched again after the journal was lost; a live one takes the place of one of the past."""
    async with run_postgres(tmp_path) as (_, server):
        async with PostgresForwarder(server.dsn).connect() as connection:
            for minutes, (origin, temperature) in enumerate(
                (("backfill", 1.0), ("import", 2.0), ("live", 3.0), ("backfill", 4.0), ("live", 5.0), ("import", 6.0))
            ):
                fetched_at = EPOCH + timedelta(minutes=minutes)
                row = observation(origin=origin, temperature=temperature, fetched_at=fetched_at)
                await connection.deliver([row], "key")
        rows = await server.rows(f"SELECT temperature, origin, quality FROM {TABLE}")  # noqa: S608
        assert [tuple(row) for row in rows] == [(5.0, "live", "ok")]


NAMED = f"SELECT name, tags->>'region' AS region FROM {TABLE} ORDER BY observed_at"  # noqa: S608


async def test_rows_have_the_name_and_the_tags_of_the_city(tmp_path: Path) -> None:
    """Also in a table of an earlier release; NULL for a city that is not listed. Without the right, rows lack them."""
    async with run_postgres(tmp_path) as (harness, server):
        harness.cities = (replace(KIEL, tags=(("region", "north"),)),)
        settings = forwarder_settings(server)
        async with harness.run_forwarder(open_forwarder, **settings) as deliveries:
            await harness.add_observations(1)
            await wait_until(lambda: is_caught_up(deliveries))
        await server.rows(
            f"ALTER TABLE {TABLE} DROP COLUMN origin, DROP COLUMN quality, DROP COLUMN name, DROP COLUMN tags"
        )
        await server.rows("CREATE ROLE little LOGIN PASSWORD 'sesame'")
        await server.rows(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO little")
        little = {"postgres": {"dsn": server.dsn.replace("postgres@", "little:sesame@")}}
        async with harness.run_forwarder(open_forwarder, **little) as deliveries:
            await harness.add_observations(1)
            await wait_until(lambda: is_caught_up(deliveries))
        async with harness.run_forwarder(open_forwarder, **settings) as deliveries:
            await harness.add_observations(1)
            await harness.add_observations(1, BERLIN)
            await wait_until(lambda: is_caught_up(deliveries))
        assert [tuple(row) for row in await server.rows(NAMED)][-2:] == [("Kiel", "north"), (None, None)]
        assert len(await server.rows(NAMED)) == 4
        judged = await server.rows(f"SELECT DISTINCT origin, quality FROM {TABLE}")  # noqa: S608
        assert [tuple(row) for row in judged] == [("live", "ok")]


async def test_a_row_that_the_table_rejects_is_skipped(tmp_path: Path) -> None:
    """A constraint that the owner added to the table costs only the rows that violate it."""
    async with (
        run_postgres(tmp_path) as (harness, server),
        harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries,
    ):
        await harness.add_observations(1)
        await wait_until(lambda: is_caught_up(deliveries))
        await server.rows(f"ALTER TABLE {TABLE} ADD CHECK (temperature <> 7)")
        await harness.add_observations(20)
        await wait_until(lambda: is_caught_up(deliveries))
        assert deliveries.statuses()["destination"] == DeliveryStatus(20, 1, 0, is_down=False)


async def test_a_role_that_cannot_create_tables_uses_an_existing_one(tmp_path: Path) -> None:
    """A role that may only write rows is enough if the table exists; otherwise the reason is logged."""
    async with run_postgres(tmp_path) as (harness, server):
        connection = await asyncpg.connect(server.dsn)
        await connection.execute(
            "CREATE ROLE little LOGIN PASSWORD 'sesame'; REVOKE CREATE ON SCHEMA public FROM PUBLIC"
        )
        dsn = server.dsn.replace("postgres@", "little:sesame@")
        await harness.add_observations(5)
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, postgres={"dsn": dsn}) as deliveries:
                await wait_until(lambda: is_logged(logs, "forwarder.down"))
                assert "permission denied" in logs[0]["reason"]
                async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as owner:
                    await wait_until(lambda: is_caught_up(owner))
                await connection.execute(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO little")
                await wait_until(lambda: is_logged(logs, "forwarder.recovered"))
                await wait_until(lambda: is_caught_up(deliveries))
        await connection.close()
        assert "sesame" not in str(logs)


async def test_a_documented_summary_is_right_where_the_clock_changes(tmp_path: Path) -> None:
    """A day of 25 hours is one row, and each of its hours has one, in a session of any time zone."""
    text = (Path(__file__).parents[3] / "docs" / "forwarders.md").read_text(encoding="utf-8")
    block = text.partition("days 24 hours long:\n\n```sql\n")[2].partition("```")[0]
    days, hours = (statement for statement in block.split(";") if statement.strip())
    midnight = datetime(2026, 10, 24, 22, tzinfo=UTC)
    async with run_postgres(tmp_path) as (harness, server):
        for number in range(-1, 26):
            at = midnight + timedelta(hours=number)
            await harness.add_observations(1, observed_at=at, temperature=float(number))
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries:
            await wait_until(lambda: is_caught_up(deliveries))
        for zone in ("UTC", "Pacific/Auckland"):
            await server.rows(f"ALTER DATABASE postgres SET timezone = '{zone}'")
            found = [tuple(row) for row in await server.rows(days)]
            assert [values for _, *values in found] == [[-1.0, -1.0], [0.0, 24.0], [25.0, 25.0]]
            assert found[1][0] == midnight
            assert [tuple(row) for row in await server.rows(hours)] == [
                (midnight + timedelta(hours=number), float(number)) for number in range(-1, 26)
            ]
