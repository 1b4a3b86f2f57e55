"""What the demo has that other daemons have not: simulated services, a temporary state folder, a past month."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from weatherd.daemon.wiring import utc_now
from weatherd.errors import ConfigError
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.simulator.history import simulate_history
from weatherd.simulator.server import create_app, serve_app
from weatherd.web.listener import check_address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from weatherd.city import City
    from weatherd.config.http_section import HttpSection

_DAY = 600.0  # seconds per simulated day
_INTERVAL = 5.0  # seconds
_HISTORY_DAYS = 30
_BATCH = 1000  # observations in a transaction


@contextlib.asynccontextmanager
async def simulated_services() -> AsyncIterator[dict[str, Any]]:
    """Serve simulated weather on loopback. Yield settings that use it, with a temporary state folder."""
    with tempfile.TemporaryDirectory(prefix="weatherd-demo-") as folder:
        async with serve_app("127.0.0.1", 0, create_app(now=utc_now, day_seconds=_DAY)) as url:
            structlog.get_logger().info("simulator.ready", url=url, weather="simulated, not real")
            simulated = {"base_url": url, "plan": "unlimited"}
            flags: dict[str, Any] = {
                "interval": _INTERVAL,
                "backfill": 0.0,  # it has a simulated history, and its weather runs ahead of the clock
                "compare": (),  # for the same reason
                "console": {"enabled": True},
                "state": Path(folder),
                "open_meteo": simulated,
                "openweathermap": simulated | {"api_key": "simulated-key"},
                "met_norway": simulated | {"contact": "demo@localhost"},
                "nws": simulated,
                "bright_sky": simulated,
                "metar": simulated,
                "pirate_weather": simulated | {"api_key": "simulated-key"},
                "warnings": "auto",
            }
            if sys.stderr.isatty() and sys.stdout.isatty():
                flags["log"] = {"observations": False}  # because the console sink prints them on the same terminal
            yield flags


async def choose_port(http: HttpSection) -> int:
    """Return the port in the settings if it is free, else 0, which is any free one."""
    try:
        await check_address(http)
    except ConfigError:
        return 0
    return http.port


def write_history(folder: Path, cities: Sequence[City]) -> None:
    """Write a simulated month of *cities* to the journal in *folder*; it takes a fraction of a second."""
    observations = simulate_history(cities, utc_now(), _HISTORY_DAYS)
    with contextlib.closing(Store(folder / JOURNAL_FILE)) as store:
        count = 0
        while batch := list(islice(observations, _BATCH)):
            count += store.add(batch).stored
    structlog.get_logger().info("demo.history", observations=count, days=_HISTORY_DAYS, weather="simulated, not real")
