"""What a busy daemon asks of PostgreSQL: ``python -m benchmarks.postgres_statements BASE [RATE [SECONDS]]``.

Two builds, this one and BASE, the path of a checkout, forward RATE observations a second, one after the other, with the
libraries of this one. The server itself counts statements and their time. Prints statements a second, the server's time
and the forwarder's CPU time per observation, and the ratios this / other.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from random import Random

from tests.support.fakes import KIEL, observation
from tests.support.servers import Postgres, running
from tests.support.virtual_time import EPOCH
from weatherd.journal.journal import open_journal
from weatherd.observation import FetchedObservation
from weatherd.pipeline.forwarders.group import open_deliveries
from weatherd.pipeline.forwarders.postgres import PostgresForwarder

_ROOT = Path(__file__).parents[1]
_RATE = 1667.0  # observations a second: 100,000 cities each minute
_SECONDS = 15.0
_STEPS = 20  # additions to the journal a second
_CHILD = "--child"


async def forward(dsn: str, rate: float, seconds: float) -> float:
    """Forward observations for some time. Return the CPU time of the process in seconds."""
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        async with (
            open_journal(Path(folder)) as journal,
            open_deliveries({"postgres": PostgresForwarder(dsn)}, journal, Random()) as group,  # noqa: S311 - a back-off
        ):
            begin, used, count = loop.time(), time.process_time(), int(rate / _STEPS)
            for step in range(int(seconds * _STEPS)):
                moments = [EPOCH + timedelta(seconds=number) for number in range(step * count, (step + 1) * count)]
                rows = [FetchedObservation(KIEL, observation(observed_at=at, fetched_at=at)) for at in moments]
                await journal.add(rows)
                await asyncio.sleep(max(0.0, begin + (step + 1) / _STEPS - loop.time()))
            await group.drain(loop.time() + seconds)
            return time.process_time() - used


async def measure(checkout: Path, rate: float, seconds: float) -> list[float]:
    """Return statements a second, and µs of the server and of the forwarder per observation."""
    server = Postgres()
    async with running(server):
        await server.count_statements()
        command = [sys.executable, __file__, _CHILD, server.dsn, str(rate), str(seconds)]
        child = await asyncio.create_subprocess_exec(
            *command, cwd=checkout, env={"PYTHONPATH": str(checkout)}, stdout=subprocess.PIPE
        )
        output, _ = await child.communicate()
        count, spent = (await server.rows("SELECT sum(calls), sum(total_exec_time) FROM pg_stat_statements"))[0]
        stored = (await server.rows("SELECT count(*) FROM weatherd_observation"))[0][0]
    return [float(count) / seconds, spent * 1e3 / stored, float(output.split()[-1]) * 1e6 / stored]


async def main(base: Path, rate: float, seconds: float) -> None:
    """Measure both builds, and print a line for each figure."""
    this, other = [await measure(checkout, rate, seconds) for checkout in (_ROOT, base)]
    names = ("statements a second", "µs of the server an observation", "µs of the forwarder an observation")
    for name, mine, theirs in zip(names, this, other, strict=True):
        print(f"{name}: {mine:.1f}, other {theirs:.1f}, ratio {mine / theirs:.4f}")


if __name__ == "__main__":
    if _CHILD in sys.argv:
        print(asyncio.run(forward(sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))))
    else:
        _parser = argparse.ArgumentParser(prog="python -m benchmarks.postgres_statements")
        _parser.add_argument("base", type=lambda text: Path(text).resolve(), help="checkout of the other build")
        _parser.add_argument("rate", nargs="?", type=float, default=_RATE)
        _parser.add_argument("seconds", nargs="?", type=float, default=_SECONDS)
        _arguments = _parser.parse_args()
        asyncio.run(main(_arguments.base, _arguments.rate, _arguments.seconds))
