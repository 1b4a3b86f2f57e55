"""Cost of an outage of one hour: each fault of the simulator with each provider, on virtual time.

``python -m benchmarks.fault_costs`` prints a table. Ten cities are polled every ten minutes. After an hour the service
has the fault for an hour, and is healthy afterwards. The results are exact and reproducible: no real time is measured.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.daemon import make_parts
from weatherd.city import City
from weatherd.config.loader import Configuration
from weatherd.config.settings import Settings
from weatherd.daemon.lifecycle import run_daemon
from weatherd.daemon.wiring import open_providers
from weatherd.simulator.faults import FAULT_KINDS, Fault
from weatherd.simulator.server import STATS, create_app, serve_app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.observation import FetchedObservation

HOUR = 3600.0
PLACES = {"nws": (33.0, -100.0), "bright-sky": (49.0, 9.0)}
PROVIDERS = ("open-meteo", "openweathermap", "met-norway", "bright-sky", "nws", "metar")


@dataclass
class FreshTimes:
    """Sink that records when each city got a fresh observation, in virtual seconds."""

    fresh: list[tuple[float, str]] = field(default_factory=list)

    async def write(self, batch: Sequence[FetchedObservation]) -> None:
        """Record the fresh observations of a batch."""
        time = asyncio.get_running_loop().time()
        self.fresh += [(time, arrival.city.id) for arrival in batch if not arrival.stale]


@dataclass(frozen=True)
class Cost:
    """Cost of a fault."""

    during: int  # requests during the fault
    first: float  # seconds from the end of the fault to the first fresh observation
    every: float  # seconds until every city had one
    lines: int  # warnings and errors in the log since the fault began
    events: str


def list_cities(provider: str) -> list[City]:
    """Return ten cities within the area of the provider."""
    lat, lon = PLACES.get(provider, (40.0, 10.0))
    return [City(name=f"City {n}", lat=lat + n / 2, lon=lon, interval=600.0, providers=(provider,)) for n in range(10)]


def build_settings(url: str) -> Settings:
    """Return settings with the server as base URL of each provider."""
    block: dict[str, Any] = {"base_url": url}
    return Settings(
        open_meteo=block,
        openweathermap=block | {"api_key": "key"},
        met_norway=block | {"contact": "me@example.org"},
        nws=block,
        bright_sky=block,
        metar=block,
    )


async def measure_fault(provider: str, kind: str) -> Cost:
    """Run the daemon through one hour of a fault."""
    loop, seen, stop = asyncio.get_running_loop(), FreshTimes(), asyncio.Event()
    during = 0

    async def live(port: int, begun: asyncio.Future[str], service: str) -> None:
        nonlocal during
        for faults, seconds in (([], HOUR), ([Fault(kind, 1.0)], HOUR), ([], 26 * HOUR)):
            app = create_app(now=virtual_time.now, faults=faults)
            async with serve_app("127.0.0.1", port, app) as url:
                port = int(url.rpartition(":")[2])
                if not begun.done():
                    begun.set_result(url)
                await asyncio.sleep(seconds)
                during = app[STATS][service].requests if faults else during
        stop.set()

    begun: asyncio.Future[str] = loop.create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(live(0, begun, provider))
        own = build_settings(await begun)
        with capture_logs() as logs:
            async with open_providers(own, virtual_time.now, boot=virtual_time.boot) as providers:
                configuration = Configuration(Path("weatherd.yaml"), own, tuple(list_cities(provider)), ())
                parts = make_parts(configuration, providers.usable, sinks={"seen": seen}, planner=providers.planner)
                await run_daemon(parts, stop=stop, reload=asyncio.Event())
    after: dict[str, float] = {}
    for time, city in seen.fresh:
        if time >= 2 * HOUR:
            after.setdefault(city, time - 2 * HOUR)
    loud = [event["event"] for event in logs if event["log_level"] in ("warning", "error")]
    summary = ", ".join(f"{loud.count(name)} {name}" for name in dict.fromkeys(loud))
    return Cost(during, min(after.values()), max(after.values()), len(loud), summary)


def main() -> None:
    """Measure all combinations, and print the table."""
    sys.stdout.write("| provider | fault | requests in the hour | first city served again | every city | log |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    spent = []
    for provider in PROVIDERS:
        for kind in FAULT_KINDS:
            cost = virtual_time.run(measure_fault(provider, kind), settle=0)
            spent.append(cost.during)
            row = (provider, kind, cost.during, f"{cost.first:.0f} s", f"{cost.every:.0f} s", cost.events)
            sys.stdout.write(f"| {' | '.join(map(str, row))} |\n")
            sys.stdout.flush()
    sys.stdout.write(f"\nmedian {statistics.median(spent):.0f} requests, most {max(spent)}; a healthy hour has 60\n")


if __name__ == "__main__":
    main()
