"""Time that each forwarder takes to deliver a backlog: ``python -m benchmarks.forwarder_backlog [OBSERVATIONS]``.

The destinations are real servers on loopback (see scripts/servers), one forwarder at a time. Prints seconds,
observations per second, and the growth of the process.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from collections import deque
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.pipeline.forwarders.harness import DeliveryHarness, open_harness
from tests.pipeline.forwarders.test_webhook import run_receiver
from tests.support.fakes import KIEL, observation
from tests.support.servers import Influxd, Mosquitto, Postgres, running
from tests.support.virtual_time import EPOCH
from weatherd import plugins
from weatherd.journal.tables.cursors import Idle
from weatherd.observation import FetchedObservation

_BATCH = 5000


async def fill_journal(harness: DeliveryHarness, count: int) -> float:
    """Add *count* observations to the journal. Return the seconds it took."""
    begin = time.perf_counter()
    for start in range(0, count, _BATCH):
        moments = [EPOCH + timedelta(seconds=number) for number in range(start, start + _BATCH)]
        batch = [FetchedObservation(KIEL, observation(observed_at=moment, fetched_at=moment)) for moment in moments]
        await harness.journal.add(batch)
    return time.perf_counter() - begin


async def deliver_journal(harness: DeliveryHarness, name: str, section: dict[str, Any]) -> float:
    """Deliver the whole journal. Return the seconds it took."""
    await harness.journal.save_cursor("destination", Idle())
    begin = time.perf_counter()
    async with harness.run_forwarder(plugins.find_plugins("forwarders")[name].load(), **{name: section}) as deliveries:
        while not deliveries.statuses()["destination"].delivered or deliveries.statuses()["destination"].behind:  # noqa: ASYNC110 - a server
            await asyncio.sleep(0.05)
    return time.perf_counter() - begin


async def main(count: int) -> None:
    """Measure each forwarder, and print a line for it."""
    folder = Path(tempfile.mkdtemp(prefix="weatherd-bench-"))
    for name in ("broker", "influx"):
        (folder / name).mkdir()
    async with AsyncExitStack() as stack:
        harness = await stack.enter_async_context(open_harness(folder / "state"))
        broker, influx, postgres = Mosquitto(folder / "broker"), Influxd(folder / "influx"), Postgres()
        for server in (broker, influx, postgres):
            await stack.enter_async_context(running(server))
        receiver = await stack.enter_async_context(run_receiver())
        receiver.received, receiver.requests = deque(maxlen=0), deque(maxlen=0)  # type: ignore[assignment] # a million
        took = await fill_journal(harness, count)
        print(f"journal    {took:7.1f} s  {count / took:8,.0f}/s", flush=True)
        sections: dict[str, dict[str, Any]] = {
            "influxdb": {"url": influx.url, "database": "weather"},
            "postgres": {"dsn": postgres.dsn},
            "webhook": {"url": receiver.url},
            "mqtt": {"host": "127.0.0.1", "port": broker.port, "discovery": False},
        }
        for name, section in sections.items():
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            took = await deliver_journal(harness, name, section)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            print(f"{name:10} {took:7.1f} s  {count / took:8,.0f}/s  +{grown:.1f} MB", flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
