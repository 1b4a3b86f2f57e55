"""InfluxDB's line protocol, against real InfluxDB and VictoriaMetrics servers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.pipeline.forwarders.destination import captured_logs
from tests.pipeline.forwarders.rig import Rig, rig, until
from tests.support.fakes import KIEL, observation
from tests.support.servers import Influxd, Victoria, running
from tests.support.virtual_time import EPOCH
from weatherd.http.client import post
from weatherd.observation import FIELDS
from weatherd.pipeline.forwarders.influxdb import format_line_protocol, open_forwarder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.once

TIME = int(EPOCH.timestamp()) * 10**9


def test_a_point() -> None:
    """Every number is a float, missing values are left out, and the timestamp is the time of observation."""
    said = observation(pressure_msl=1013, code=61, wind_gust=None, observed_at=EPOCH + timedelta(microseconds=1))
    fields = 'temperature=6.0,code=61.0,pressure_msl=1013.0,description="light rain"'
    assert format_line_protocol(said) == f"weather,city=kiel,provider=fake {fields} {TIME + 1000}"


def test_special_characters_are_escaped() -> None:
    """Texts may contain any character that has a meaning in the protocol."""
    odd = observation(station="a b,c=d\\", description='5" of \\ snow, 雨 = bad')
    assert format_line_protocol(odd) == (
        f"weather,city=kiel,provider=fake,station=a\\ b\\,c\\=d temperature=6.0,code=61.0,"
        f'description="5\\" of \\\\ snow, 雨 = bad" {TIME}'
    )


def test_a_point_has_every_field() -> None:
    """A point has every field of the observation except fetched_at."""
    numbers = {name: 1.5 for name in FIELDS if getattr(observation(), name) is None}
    text = format_line_protocol(observation(station="K1")._replace(**numbers))  # type: ignore[arg-type]
    assert all(f"{name}=" in text for name in FIELDS if name not in ("observed_at", "fetched_at"))


@asynccontextmanager
async def influx(folder: Path) -> AsyncIterator[tuple[Rig, Influxd]]:
    """Yield a server that is not started, and a rig."""
    (folder / "influx").mkdir()
    server = Influxd(folder / "influx")
    try:
        async with rig(folder / "state") as made:
            yield made, server
    finally:
        server.dies()


def block(server: Influxd | Victoria) -> dict[str, Any]:
    """Return the forwarder's settings."""
    return {"influxdb": {"url": server.url, "database": "weather"}}


async def count(server: Influxd) -> int:
    """Return the number of points in the database."""
    found = await server.rows("SELECT count(temperature) FROM weather")
    return int(found[0]["count"]) if found else 0


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_server_that_comes_late_dies_and_comes_again(tmp_path: Path) -> None:
    """Down at the start, killed while it receives batches, frozen: in the end it has every observation once."""
    async with influx(tmp_path) as (made, server):
        await made.adds(3000)
        with captured_logs() as logs:
            async with made.delivering(open_forwarder, **block(server)) as deliveries:

                async def behind() -> bool:
                    return deliveries.counters()["far"]["behind"] > 0

                async def level() -> bool:
                    return not await behind()

                await until(lambda: _is_logged(logs, "forwarder.down"))
                await server.starts()
                await until(lambda: _is_logged(logs, "forwarder.recovered"))
                server.dies()
                await made.adds(3000)
                await server.starts()
                await until(level)
                server.freezes()
                await made.adds(1000)
                server.thaws()
                await until(level)
        assert await count(server) == made.added == 7000
        assert deliveries.counters()["far"]["skipped"] == 0


async def _is_logged(logs: list[Any], event: str) -> bool:
    return any(log["event"] == event for log in logs)


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_point_that_the_server_rejects_is_skipped(tmp_path: Path) -> None:
    """A type conflict in a field costs only its point; all other points arrive with exact values."""
    async with influx(tmp_path) as (made, server), running(server):
        spoiled = f"{server.url}/write?db=weather"
        point = f'weather,city=kiel visibility="far" {int(made.begin.timestamp())}000000000'
        assert (await post(made.resources.session, spoiled, point.encode(), {})).status == 204
        await made.adds(50)
        await made.adds(1, visibility=1000.0)
        await made.adds(50)
        async with made.delivering(open_forwarder, **block(server)) as deliveries:
            await until(lambda: _is_caught_up(deliveries))
            assert deliveries.counters()["far"] == {"delivered": 100, "skipped": 1, "behind": 0}
        assert await count(server) == 100


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_revision_overwrites_the_point(tmp_path: Path) -> None:
    """A revision overwrites its point, because both have the same timestamp."""
    async with influx(tmp_path) as (made, server):
        async with running(server), made.delivering(open_forwarder, **block(server)) as deliveries:
            for temperature in (1.0, 2.5):
                await made.adds(1, observed_at=made.begin, temperature=temperature)
                await until(lambda: _is_caught_up(deliveries))
            rows = await server.rows("SELECT temperature FROM weather")
        assert [(row["temperature"], row["time"]) for row in rows] == [(2.5, int(made.begin.timestamp()) * 10**6)]


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_missing_database_is_waited_for(tmp_path: Path) -> None:
    """A database that the user has not created is an outage with the server's message; nothing is skipped."""
    async with influx(tmp_path) as (made, server), running(server):
        await made.adds(5, KIEL)
        with captured_logs() as logs:
            async with made.delivering(open_forwarder, influxdb={"url": server.url, "database": "other"}) as deliveries:
                await until(lambda: _is_logged(logs, "forwarder.down"))
                assert 'database not found: "other"' in logs[0]["reason"].replace("\\", "")
                await server.ask("/query", q="CREATE DATABASE other")
                await until(lambda: _is_caught_up(deliveries))
                assert deliveries.counters()["far"] == {"delivered": 5, "skipped": 0, "behind": 0}


@pytest.mark.real_time
@pytest.mark.processes
@pytest.mark.parametrize("places", [{"database": "weather"}, {"bucket": "weather", "org": "us", "token": "t"}])
async def test_victoria_metrics_takes_both_forms(tmp_path: Path, places: dict[str, str]) -> None:
    """The write endpoints of versions 1 and 2 get the same points."""
    (tmp_path / "victoria").mkdir()
    server = Victoria(tmp_path / "victoria")
    async with running(server), rig(tmp_path / "state") as made:
        await made.adds(20)
        async with made.delivering(open_forwarder, influxdb={"url": server.url, **places}) as deliveries:
            await until(lambda: _is_caught_up(deliveries))
        assert await server.values("weather_temperature") == 20


async def _is_caught_up(deliveries: Any) -> bool:
    return not deliveries.counters()["far"]["behind"]
