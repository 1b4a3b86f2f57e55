"""InfluxDB's line protocol, against real InfluxDB and VictoriaMetrics servers."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import example, given
from hypothesis import strategies as st

from tests.pipeline.forwarders.destination import capture_warnings
from tests.pipeline.forwarders.harness import DeliveryHarness, is_caught_up, is_logged, open_harness, wait_until
from tests.support.fakes import KIEL, observation
from tests.support.servers import Influxd, Victoria, running
from tests.support.virtual_time import EPOCH
from weatherd.config.settings import Settings
from weatherd.http.client import post
from weatherd.observation import FIELDS
from weatherd.pipeline.forwarders.group import DeliveryStatus
from weatherd.pipeline.forwarders.influxdb import format_line_protocol, open_forwarder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.once

TIME = int(EPOCH.timestamp()) * 10**9


def test_a_point() -> None:
    """Every number is a float, missing values are left out, and the timestamp is the time of observation."""
    observed = observation(pressure_msl=1013, code=61, wind_gust=None, observed_at=EPOCH + timedelta(microseconds=1))
    fields = 'temperature=6.0,code=61.0,pressure_msl=1013.0,description="light rain",origin="live",quality="ok"'
    assert format_line_protocol(observed) == f"weather,city=kiel,provider=fake {fields} {TIME + 1000}"


def test_special_characters_are_escaped() -> None:
    """Texts may contain any character that has a meaning in the protocol."""
    odd = observation(station="a b,c=d\\", description='5" of \\ snow, 雨 = bad')
    assert format_line_protocol(odd) == (
        f"weather,city=kiel,provider=fake,station=a\\ b\\,c\\=d temperature=6.0,code=61.0,"
        f'description="5\\" of \\\\ snow, 雨 = bad",origin="live",quality="ok" {TIME}'
    )


def test_tags_of_the_city_are_tags_and_its_name_is_a_field() -> None:
    """They are escaped; a tag with the name of a field or of another tag does not replace it."""
    tags = (("region", "north sea"), ("city", "x"), ("temperature", "y"), ("_z", "1"), ("größe", "a=b"))
    text = format_line_protocol(observation(), "weather", 'Kiel, "Förde', tags)
    named = "region=north\\ sea,tag_city=x,tag_temperature=y,tag__z=1,größe=a\\=b"
    assert text.startswith(f"weather,city=kiel,provider=fake,{named} temperature=6.0,")
    assert text.endswith(f'description="light rain",origin="live",quality="ok",name="Kiel, \\"Förde" {TIME}')


def test_another_name_is_the_same_point() -> None:
    """A renamed or removed city's revision has the series and time of the observation that it replaces."""
    points = [format_line_protocol(observation(), "weather", name) for name in ("Kiel", "Kiel-Wik", "")]
    assert len({(point.split(" ")[0], point.split(" ")[-1]) for point in points}) == 1


def test_the_measurement_has_a_name_of_your_choice() -> None:
    """Another name keeps the points apart from those of other software, such as Telegraf's measurement ``weather``."""
    assert format_line_protocol(observation(), "my weather,x").startswith("my\\ weather\\,x,city=kiel,")
    assert Settings(influxdb={"database": "weather"}).influxdb.measurement == "weather"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["", " ", "_internal", "#comment", "a\nb", "a\\"])
def test_a_name_that_the_protocol_cannot_carry_is_an_error(name: str) -> None:
    """A comment, a reserved name, or one that would escape the comma behind it."""
    with pytest.raises(ValueError, match="should be a name on one line"):
        Settings(influxdb={"database": "weather", "measurement": name})


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(1e-05)
@example(1e22)
@example(-0.0)
def test_numbers_have_digits_on_both_sides_of_the_point(value: float) -> None:
    """No exponent, no plus sign, nothing hexadecimal: not every server reads them; the value is exact."""
    text = format_line_protocol(observation(visibility=value)).split("visibility=")[1].split(",")[0]
    assert re.fullmatch(r"-?[0-9]+\.[0-9]+", text)
    assert float(text) == value


def test_a_point_has_every_field() -> None:
    """A point has every field of the observation except fetched_at."""
    numbers = {name: 1.5 for name in FIELDS if getattr(observation(), name) is None}
    text = format_line_protocol(observation(station="K1")._replace(**numbers))  # type: ignore[arg-type]
    assert all(f"{name}=" in text for name in FIELDS if name not in ("observed_at", "fetched_at"))


@asynccontextmanager
async def open_influxdb(folder: Path) -> AsyncIterator[tuple[DeliveryHarness, Influxd]]:
    """Yield a server that is not started, and a harness."""
    (folder / "influx").mkdir()
    server = Influxd(folder / "influx")
    try:
        async with open_harness(folder / "state") as harness:
            yield harness, server
    finally:
        server.dies()


def forwarder_settings(server: Influxd | Victoria) -> dict[str, Any]:
    """Return the forwarder's settings."""
    return {"influxdb": {"url": server.url, "database": "weather"}}


async def count_points(server: Influxd) -> int:
    """Return the number of points in the database."""
    found = await server.rows("SELECT count(temperature) FROM weather")
    return int(found[0]["count"]) if found else 0


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_server_that_comes_late_dies_and_comes_again(tmp_path: Path) -> None:
    """Down at the start, killed while it receives batches, frozen: in the end it has every observation once."""
    async with open_influxdb(tmp_path) as (harness, server):
        await harness.add_observations(3000)
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries:
                await wait_until(lambda: is_logged(logs, "forwarder.down"))
                await server.starts()
                await wait_until(lambda: is_logged(logs, "forwarder.recovered"))
                server.dies()
                await harness.add_observations(3000)
                await server.starts()
                await wait_until(lambda: is_caught_up(deliveries))
                server.freezes()
                await harness.add_observations(1000)
                server.thaws()
                await wait_until(lambda: is_caught_up(deliveries))
        assert await count_points(server) == harness.added == 7000
        assert deliveries.statuses()["destination"].skipped == 0


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_point_that_the_server_rejects_is_skipped(tmp_path: Path) -> None:
    """A type conflict in a field costs only its point; all other points arrive with exact values."""
    async with open_influxdb(tmp_path) as (harness, server), running(server):
        spoiled = f"{server.url}/write?db=weather"
        point = f'weather,city=kiel visibility="far" {int(harness.begin.timestamp())}000000000'
        assert (await post(harness.resources.session, spoiled, point.encode(), {})).status == 204
        await harness.add_observations(50)
        await harness.add_observations(1, visibility=1000.0)
        await harness.add_observations(50)
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries:
            await wait_until(lambda: is_caught_up(deliveries))
            assert deliveries.statuses()["destination"] == DeliveryStatus(100, 1, 0, is_down=False)
        assert await count_points(server) == 100


@pytest.mark.real_time
async def test_the_count_of_a_partial_write_is_not_believed(tmp_path: Path) -> None:
    """Servers say ``dropped=0`` of points that they have dropped: parts of the batch show which ones they accept."""
    stored: list[str] = []

    async def write(request: web.Request) -> web.Response:
        points = (await request.text()).splitlines()
        accepted = [point for point in points if "temperature=7.0" not in point]
        stored.extend(accepted)
        if accepted == points:
            return web.Response(status=204)
        return web.json_response({"error": "partial write: points beyond retention policy dropped=0"}, status=400)

    app = web.Application()
    app.router.add_post("/write", write)
    async with TestServer(app, host="127.0.0.1") as server, open_harness(tmp_path) as harness:
        await harness.add_observations(20)
        section = {"url": str(server.make_url("")), "database": "weather"}
        async with harness.run_forwarder(open_forwarder, influxdb=section) as deliveries:
            await wait_until(lambda: is_caught_up(deliveries))
            assert deliveries.statuses()["destination"] == DeliveryStatus(19, 1, 0, is_down=False)
    assert len(set(stored)) == 19


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_measurement_that_other_software_uses_is_avoided(tmp_path: Path) -> None:
    """Where another type of a field would reject every point, a measurement of its own takes them all."""
    async with open_influxdb(tmp_path) as (harness, server), running(server):
        point = f'weather,city=kiel temperature="mild" {int(harness.begin.timestamp())}000000000'
        assert (
            await post(harness.resources.session, f"{server.url}/write?db=weather", point.encode(), {})
        ).status == 204
        await harness.add_observations(20)
        settings = {"influxdb": {"url": server.url, "database": "weather", "measurement": "weatherd, mine"}}
        async with harness.run_forwarder(open_forwarder, **settings) as deliveries:
            await wait_until(lambda: is_caught_up(deliveries))
            assert deliveries.statuses()["destination"] == DeliveryStatus(20, 0, 0, is_down=False)
        found = await server.rows('SELECT count(temperature) FROM "weatherd, mine"')
        assert found[0]["count"] == 20


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_revision_overwrites_the_point(tmp_path: Path) -> None:
    """A revision overwrites its point, because both have the same timestamp."""
    async with open_influxdb(tmp_path) as (harness, server):
        async with running(server), harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries:
            for temperature in (1.0, 2.5):
                await harness.add_observations(1, observed_at=harness.begin, temperature=temperature)
                await wait_until(lambda: is_caught_up(deliveries))
            rows = await server.rows("SELECT temperature FROM weather")
        assert [(row["temperature"], row["time"]) for row in rows] == [(2.5, int(harness.begin.timestamp()) * 10**6)]


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_missing_database_is_waited_for(tmp_path: Path) -> None:
    """A database that the user has not created is an outage with the server's message; nothing is skipped."""
    async with open_influxdb(tmp_path) as (harness, server), running(server):
        await harness.add_observations(5, KIEL)
        with capture_warnings() as logs:
            async with harness.run_forwarder(
                open_forwarder, influxdb={"url": server.url, "database": "other"}
            ) as deliveries:
                await wait_until(lambda: is_logged(logs, "forwarder.down"))
                assert 'database not found: "other"' in logs[0]["reason"].replace("\\", "")
                await server.ask("/query", q="CREATE DATABASE other")
                await wait_until(lambda: is_caught_up(deliveries))
                assert deliveries.statuses()["destination"] == DeliveryStatus(5, 0, 0, is_down=False)


@pytest.mark.real_time
@pytest.mark.processes
@pytest.mark.parametrize("options", [{"database": "weather"}, {"bucket": "weather", "org": "us", "token": "t"}])
async def test_victoria_metrics_takes_both_forms(tmp_path: Path, options: dict[str, str]) -> None:
    """The write endpoints of versions 1 and 2 get the same points."""
    (tmp_path / "victoria").mkdir()
    server = Victoria(tmp_path / "victoria")
    async with running(server), open_harness(tmp_path / "state") as harness:
        await harness.add_observations(20)
        async with harness.run_forwarder(open_forwarder, influxdb={"url": server.url, **options}) as deliveries:
            await wait_until(lambda: is_caught_up(deliveries))
        assert await server.values("weather_temperature") == 20


@pytest.mark.real_time
@pytest.mark.processes
async def test_victoria_metrics_has_exact_values(tmp_path: Path) -> None:
    """What it has stored is equal to what was observed, since its 204 says nothing about the values."""
    (tmp_path / "victoria").mkdir()
    server = Victoria(tmp_path / "victoria")
    numbers = [21.6, 0.1, 1e-05, 123456.789, -0.3, 0.0]
    async with running(server), open_harness(tmp_path / "state") as harness:
        for number in numbers:
            await harness.add_observations(1, visibility=number)
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries:
            await wait_until(lambda: is_caught_up(deliveries))
        assert await server.read_values("weather_visibility") == numbers


@pytest.mark.real_time
@pytest.mark.processes
async def test_victoria_metrics_keeps_both_values_of_a_revision(tmp_path: Path) -> None:
    """A revision does not overwrite its point there, as the documentation says."""
    (tmp_path / "victoria").mkdir()
    server = Victoria(tmp_path / "victoria")
    async with running(server), open_harness(tmp_path / "state") as harness:
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries:
            for temperature in (2.5, 1.0):
                await harness.add_observations(1, observed_at=harness.begin, temperature=temperature)
                await wait_until(lambda: is_caught_up(deliveries))
        assert sorted(await server.read_values("weather_temperature")) == [1.0, 2.5]
