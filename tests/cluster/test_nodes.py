"""Three real daemons and a real database, judged by what the weather service was asked, when and by whom."""

from __future__ import annotations

import itertools
import signal
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from tests.cluster.running_nodes import LEASE, list_rows, run_node, wait_for_shares
from tests.pipeline.forwarders.harness import wait_until
from tests.support.servers import Postgres, running
from tests.support.service import serving

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.support.service import Service
    from tests.support.weatherd_process import Process

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

CITIES = 60
INTERVAL = 1.0  # seconds
BUSY = 3.0  # seconds that a busy machine may need beside what the protocol takes


def list_owners(weather: Service) -> dict[str, list[str]]:
    """Return the nodes that polled each city, in order, each once for polls that follow one another."""
    callers = defaultdict(list)
    for _, caller, latitude in weather.polls:
        callers[latitude].append(caller)
    return {latitude: [caller for caller, _ in itertools.groupby(names)] for latitude, names in callers.items()}


def find_longest_gap(weather: Service, since: float) -> float:
    """Return the longest time between two polls of a city, the second of which came after a time."""
    times = defaultdict(list)
    for at, _, latitude in weather.polls:
        times[latitude].append(at)
    return max(after - at for found in times.values() for at, after in itertools.pairwise(found) if after > since)


async def wait_for_polls(weather: Service) -> None:
    """Wait until each city is polled once more."""
    since = time.monotonic()

    async def are_polled() -> bool:
        return len({latitude for at, _, latitude in weather.polls if at > since}) == CITIES

    await wait_until(are_polled)


async def test_each_city_is_polled_by_one_node_whatever_happens_to_the_others(tmp_path: Path) -> None:
    """Nodes join, one is killed and started again, one stops: the cities move, and none is polled by two at a time."""
    server = Postgres()
    async with running(server), serving() as weather:

        def node(name: str) -> AbstractAsyncContextManager[Process]:
            rows = list_rows(CITIES)
            return run_node(tmp_path, name, server.dsn, f"{weather.url}/{name}", rows, interval=f"{INTERVAL:g}s")

        async with node("n1"):
            await wait_for_shares(server, 1)
            async with node("n2") as second, node("n3") as third:
                await second.logs("cluster.joined")
                await third.logs("cluster.joined")
                joined = time.monotonic()
                await wait_for_shares(server, 3)
                assert time.monotonic() - joined < 3.0 + BUSY
                await wait_for_polls(weather)
                assert find_longest_gap(weather, joined) < 2 * INTERVAL + BUSY

                killed = time.monotonic()
                second.receives(signal.SIGKILL)
                await wait_for_shares(server, 2)
                await wait_for_polls(weather)
                assert LEASE * 0.9 < find_longest_gap(weather, killed) < 1.2 * LEASE + INTERVAL + BUSY

                stopped = time.monotonic()
                third.receives(signal.SIGTERM)
                assert await third.ends() == 0
                await wait_for_shares(server, 1)
                await wait_for_polls(weather)
                assert find_longest_gap(weather, stopped) < 3 * INTERVAL + BUSY
        owners = list_owners(weather)
        assert len(owners) == CITIES
        assert max(map(len, owners.values())) <= 4
