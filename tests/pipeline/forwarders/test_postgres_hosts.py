"""A pooler in front of PostgreSQL, several hosts, and a table with other types."""

from __future__ import annotations

import asyncio
import socket
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from tests.pipeline.forwarders.destination import capture_warnings
from tests.pipeline.forwarders.harness import is_delivered, open_harness, run_postgres, wait_until
from tests.support.fakes import observation
from tests.support.servers import PgBouncer, free_port, running
from weatherd.config.settings import Settings
from weatherd.errors import DeliveryError, RejectedError
from weatherd.observation import FIELDS
from weatherd.pipeline.forwarders.postgres import PostgresForwarder, open_forwarder
from weatherd.pipeline.forwarders.postgresql.hosts import split_hosts
from weatherd.pipeline.forwarders.postgresql.observations import TABLE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once


DELIVER = """
import asyncio, sys
from datetime import UTC, datetime
from tests.support.fakes import observation
from weatherd.pipeline.forwarders.postgres import PostgresForwarder

async def deliver(dsn, start):
    async with PostgresForwarder(dsn).connect() as connection:
        for minute in range(20):
            moment = datetime(2026, 1, 1, start, minute, tzinfo=UTC)
            await connection.deliver([observation(observed_at=moment, fetched_at=moment)], "key")

asyncio.run(deliver(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_pooler_in_transaction_mode(tmp_path: Path) -> None:
    """Every start works, and all rows are in the table, while another program uses the same session of the server.

    The starts are processes, because the driver numbers prepared statements from 1 in each process.
    """
    async with run_postgres(tmp_path) as (_, server):
        pooler = PgBouncer(server)
        async with running(pooler):
            other = await asyncpg.connect(pooler.dsn, statement_cache_size=0)
            await other.execute("CREATE TABLE other (number integer, text text)")
            busy = asyncio.create_task(_insert_for_ever(other))
            for start in range(3):
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", DELIVER, pooler.dsn, str(start), stderr=asyncio.subprocess.PIPE
                )
                _, errors = await process.communicate()
                assert process.returncode == 0, errors.decode()
            busy.cancel()
            await asyncio.wait([busy])
            other.terminate()
        assert (await server.rows(f"SELECT count(*) AS rows FROM {TABLE}"))[0]["rows"] == 60  # noqa: S608
        assert (await server.rows("SELECT count(*) AS rows FROM other WHERE text <> 'mine'"))[0]["rows"] == 0


async def _insert_for_ever(connection: Any) -> None:
    number = 0
    while True:
        number += 1
        async with connection.transaction():
            await connection.execute("INSERT INTO other VALUES ($1, $2)", number, "mine")


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_column_of_another_type_has_the_exact_decimals(tmp_path: Path) -> None:
    """In a table of your own with numeric columns 21.6 is 21.6, and not the 50 digits of its binary fraction."""
    async with run_postgres(tmp_path) as (harness, server):
        types = dict.fromkeys(FIELDS, "numeric")
        types |= dict.fromkeys(("city", "provider", "description", "station", "origin", "quality"), "text")
        types |= {"observed_at": "timestamptz", "fetched_at": "timestamptz", "code": "smallint", "wind_gust": "real"}
        columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
        key = "PRIMARY KEY (city, provider, station, observed_at)"
        await server.rows(f"CREATE TABLE {TABLE} ({columns}, {key})")
        await harness.add_observations(1, temperature=21.6, code=61, wind_gust=12.5)
        async with harness.run_forwarder(open_forwarder, postgres={"dsn": server.dsn}) as deliveries:
            await wait_until(lambda: is_delivered(deliveries, 1))
        rows = await server.rows(f"SELECT temperature, code, wind_gust, visibility FROM {TABLE}")  # noqa: S608
        assert tuple(rows[0]) == (Decimal("21.6"), 61, 12.5, None)


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_second_host_is_reached_behind_a_silent_one(tmp_path: Path) -> None:
    """Each host has a time limit of its own; one that refuses connections or does not respond costs only that."""
    async with run_postgres(tmp_path) as (harness, server):
        await harness.add_observations(5)
        with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts connections, nobody responds
            port = silent.getsockname()[1]
            dsn = server.dsn.replace("127.0.0.1", f"127.0.0.1:{free_port()},127.0.0.1:{port},127.0.0.1")
            async with harness.run_forwarder(open_forwarder, postgres={"dsn": dsn}) as deliveries:
                await wait_until(lambda: is_delivered(deliveries, 5))


@pytest.mark.real_time
@pytest.mark.processes
async def test_no_host_responds(tmp_path: Path) -> None:
    """The reason names each host, and no password."""
    ports = [free_port(), free_port()]
    dsn = f"postgresql://me:sesame@127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}/weather"
    async with open_harness(tmp_path) as harness:
        await harness.add_observations(1)
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, postgres={"dsn": dsn}):
                await wait_until(lambda: _is_true(logs))
    first, second = logs[0]["reason"].split("; ")
    assert first.startswith(f"127.0.0.1:{ports[0]}: Connect call failed")
    assert second.startswith(f"127.0.0.1:{ports[1]}: Connect call failed")
    assert "sesame" not in str(logs)


async def _is_true(value: object) -> bool:
    return bool(value)


@pytest.mark.real_time
@pytest.mark.processes
async def test_errors_about_a_row_are_told_from_those_of_the_server(tmp_path: Path) -> None:
    """A long value is rejected, an error of a trigger suspected, a server that is gone or read-only is an outage."""
    async with run_postgres(tmp_path) as (_, server):
        async with PostgresForwarder(server.dsn).connect() as connection:
            long = observation(station="".join(map(chr, range(0x4E00, 0x4E00 + 3000))))
            with pytest.raises(RejectedError, match="index row"):
                await connection.deliver([long], "key")
            await server.rows(
                "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'no'; END $$ LANGUAGE plpgsql"
            )
            await server.rows(f"CREATE TRIGGER t BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION refuse()")
            with pytest.raises(DeliveryError) as caught:
                await connection.deliver([observation()], "key")
            assert caught.value.batch_suspected
            server.dies()
            for _ in range(2):  # the second finds a connection that is closed: the driver's InterfaceError
                with pytest.raises(DeliveryError) as caught:
                    await connection.deliver([observation()], "key")
                assert not caught.value.batch_suspected
        await server.starts()
        await server.rows("ALTER ROLE postgres SET default_transaction_read_only = on")
        async with PostgresForwarder(server.dsn).connect() as connection:
            with pytest.raises(DeliveryError, match="read-only") as caught:
                await connection.deliver([observation()], "key")
            assert not caught.value.batch_suspected


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql:///db", [("localhost", "postgresql:///db")]),
        ("postgresql://u:p@h/db?sslmode=require", [("h", "postgresql://u:p@h/db?sslmode=require")]),
        (
            "postgresql://u:p@h1:1,h2/db?sslmode=require",
            [("h1:1", "postgresql://u:p@h1:1/db?sslmode=require"), ("h2", "postgresql://u:p@h2/db?sslmode=require")],
        ),
        ("postgres://u@h1,h2/db?port=7", [("h1", "postgres://u@h1:7/db"), ("h2", "postgres://u@h2:7/db")]),
        (
            "postgresql://u@/db?host=h1,/run/pg&port=1,2",
            [("h1", "postgresql://u@h1:1/db"), ("/run/pg", "postgresql://u@%2Frun%2Fpg:2/db")],
        ),
    ],
)
def test_hosts_are_split(dsn: str, expected: list[tuple[str, str]]) -> None:
    """In both places where an address can have them."""
    assert split_hosts(dsn) == expected


@pytest.mark.parametrize("word", ["connect_timeout", "keepalives_idle", "load_balance_hosts"])
def test_a_word_that_only_libpq_knows_is_an_error(word: str) -> None:
    """The driver would send it to the server, which rejects it as an unknown setting; the message has no password."""
    with pytest.raises(ValueError, match=f"has '{word}', which only libpq knows") as caught:
        Settings(postgres={"dsn": f"postgresql://u:sesame@h/db?{word}=1"})
    assert "sesame" not in str(caught.value)
