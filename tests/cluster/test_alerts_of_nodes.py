"""Alerts of nodes that die, are suspended, cut off, or join: each arrives once, as the receiver counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.cluster.running_nodes import LEASE, LONG, count_rows, list_rows, run_node, wait_for_shares
from tests.pipeline.forwarders.harness import wait_until
from tests.support.alert_receiver import run_alert_receiver
from tests.support.servers import Postgres, running
from tests.support.service import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.alert_receiver import AlertReceiver
    from tests.support.service import Service
    from tests.support.weatherd_process import Process

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

CITIES = 12
RULES = """\
alerts: {{frost: {{when: "temperature < 0", notify: [ops]}}}}
notify: {{ops: {{webhook: "http://{address}/"}}}}
"""


class NodeBed:
    """A database, a weather service and a receiver, for nodes."""

    def __init__(self, folder: Path, server: Postgres, weather: Service, receiver: AlertReceiver) -> None:
        self.folder, self.server, self.weather, self.receiver = folder, server, weather, receiver
        self.rules = RULES

    @contextlib.asynccontextmanager
    async def node(self, name: str, dsn: str | None = None, **settings: str) -> AsyncIterator[Process]:
        """Run a node."""
        (self.folder / name).mkdir(exist_ok=True)
        (self.folder / name / "alerts.yaml").write_text(self.rules.format(address=self.receiver.address))
        rows = list_rows(CITIES)
        settings |= {"alerts": "alerts.yaml", "quality": "{enabled: false}"}  # because the weather jumps
        node = run_node(self.folder, name, dsn or self.server.dsn, self.weather.url, rows, **settings)
        async with node as process:
            yield process

    def count_notices(self) -> Counter[tuple[str, str]]:
        """Return how often the receiver has got each event of each city."""
        bodies = [json.loads(body) for _, _, body in self.receiver.requests]
        return Counter((notice["event"], notice["city"]) for body in bodies for notice in body["alerts"])

    def count_events(self, event: str) -> int:
        """Return the number of cities whose event has arrived."""
        return sum(1 for found, _ in self.count_notices() if found == event)

    async def wait_for_shares(self, count: int) -> None:
        """Wait until all shards are held, by *count* nodes."""
        await wait_for_shares(self.server, count)

    async def wait_for_rows(self, table: str, count: int) -> None:
        """Wait until a table has this number of rows."""

        async def has_rows() -> bool:
            return await count_rows(self.server, f"SELECT count(*) FROM {table}") == count  # noqa: S608 - a constant

        await wait_until(has_rows)

    async def expect_one_event_each(self, event: str) -> None:
        """Wait until the event of each city has arrived; assert that none arrives twice in the seven seconds after."""

        async def is_complete() -> bool:
            return self.count_events(event) >= CITIES

        await wait_until(is_complete)
        await asyncio.sleep(7.0)  # messages wait for others for five seconds
        counted = self.count_notices()
        assert {city: times for (found, city), times in counted.items() if found == event and times > 1} == {}


@contextlib.asynccontextmanager
async def run_bed(folder: Path) -> AsyncIterator[NodeBed]:
    """Run the servers."""
    server = Postgres()
    async with running(server), serving() as weather, run_alert_receiver() as receiver:
        yield NodeBed(folder, server, weather, receiver)


async def test_a_killed_node_loses_no_alert_and_repeats_none(tmp_path: Path) -> None:
    """Another delivers what it had written and not delivered; a node that joins later does not fire again."""
    async with run_bed(tmp_path) as bed, bed.node("n1") as first, bed.node("n2"):
        await bed.wait_for_shares(2)
        bed.weather.temperature = -5.0
        await bed.wait_for_rows("weatherd_alert_change", CITIES)
        first.receives(signal.SIGKILL)
        assert bed.receiver.requests == []
        await bed.expect_one_event_each("firing")
        async with bed.node("n3") as third:
            await bed.wait_for_shares(2)
            await asyncio.sleep(3.0)
            third.receives(signal.SIGTERM)
            await third.ends()
            bed.weather.temperature = 5.0
            await bed.expect_one_event_each("resolved")
        assert bed.count_notices() == Counter(
            {(event, f"city-{number}"): 1 for event in ("firing", "resolved") for number in range(CITIES)}
        )
        await bed.wait_for_rows("weatherd_alert_change", 0)
        await bed.wait_for_rows("weatherd_alert", 0)


@LONG
async def test_a_suspended_node_does_not_deliver_what_another_one_has(tmp_path: Path) -> None:
    """It has written a change, and is suspended for longer than its lease: the new owner delivers."""
    async with run_bed(tmp_path) as bed, bed.node("n1") as first, bed.node("n2"):
        await bed.wait_for_shares(2)
        bed.weather.temperature = -5.0
        await bed.wait_for_rows("weatherd_alert_change", CITIES)
        first.receives(signal.SIGSTOP)
        await bed.wait_for_shares(1)
        await bed.wait_for_rows("weatherd_alert_change", 0)
        first.receives(signal.SIGCONT)
        await bed.wait_for_shares(2)
        await bed.expect_one_event_each("firing")


class CutLine:
    """A line to the database, which can be cut: what is sent then gets lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.is_cut = False
        self.port = 0

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client to the database."""
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            with contextlib.suppress(OSError):
                await asyncio.gather(self._copy(reader, back_writer), self._copy(back_reader, writer))
        finally:
            writer.close()
            back_writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self.is_cut:
                writer.write(data)
                await writer.drain()
        writer.close()


@LONG
async def test_a_node_that_is_cut_off_notifies_nobody_of_what_it_finds(tmp_path: Path) -> None:
    """It fires while it cannot reach the database; the new owner of its cities fires, too, and only that arrives."""
    async with run_bed(tmp_path) as bed:
        line = CutLine(bed.server.port)
        async with await asyncio.start_server(line.connect, "127.0.0.1", 0) as proxy:
            port = proxy.sockets[0].getsockname()[1]
            dsn = bed.server.dsn.replace(str(bed.server.port), str(port))
            async with bed.node("n1", dsn), bed.node("n2"):
                await bed.wait_for_shares(2)
                line.is_cut = True
                bed.weather.temperature = -5.0
                await bed.wait_for_shares(1)
                await bed.expect_one_event_each("firing")
                line.is_cut = False
                await bed.wait_for_shares(2)
                await asyncio.sleep(LEASE)
                await bed.expect_one_event_each("firing")


@LONG
async def test_windows_have_what_another_node_polled(tmp_path: Path) -> None:
    """A window of a node that has polled nothing of a city yet has the past in the shared table of observations."""
    async with run_bed(tmp_path) as bed:
        bed.rules = RULES.replace("temperature < 0", "max(temperature, 1h) > 20 and temperature < 0")
        table = f"{{dsn: '{bed.server.dsn}'}}"
        async with bed.node("n1", postgres=table) as first:
            for temperature in (30.0, 5.0):
                bed.weather.temperature = temperature
                query = f"SELECT count(DISTINCT city) FROM weatherd_observation WHERE temperature = {temperature}"  # noqa: S608
                await wait_until(lambda query=query: has_count(bed.server, query, CITIES))  # type: ignore[misc]
            first.receives(signal.SIGKILL)
            async with bed.node("n2", postgres=table):
                await bed.wait_for_shares(1)
                bed.weather.temperature = -5.0
                await bed.expect_one_event_each("firing")


async def has_count(server: Postgres, query: str, count: int) -> bool:
    """Return whether a query returns a number."""
    return await count_rows(server, query) == count
