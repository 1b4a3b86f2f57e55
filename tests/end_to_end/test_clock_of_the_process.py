"""The real process while faketime steps its clock, and while its machine seems to be suspended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.servers import free_port
from weatherd.daemon.wiring import utc_now
from weatherd.simulator.server import create_app, serve_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INTERVAL, WATCHDOG = 2.0, 6.0  # seconds
DAY = 86400.0
CITIES = "cities:\n- {name: Kiel, lat: 54.3, lon: 10.1}\n- {name: Berlin, lat: 52.5, lon: 13.4}\n"
# A suspend stops the monotonic clock only, which faketime cannot do: it advances the boot clock and the system time
LAUNCHER = """
import os, sys, time, weatherd.clock
boot_time = weatherd.clock.boot_time
weatherd.clock.boot_time = lambda: boot_time() + float(open(os.environ["SUSPENDED"]).read())
from weatherd.cli.app import execute
sys.exit(execute(sys.argv[1:]))
"""

pytestmark = [pytest.mark.real_time, pytest.mark.once]


def find_faketime() -> str:
    """Return the path of the library; skip the test if it is missing, or fail it where it is required."""
    for folder in (
        *Path("/usr/lib").glob("*-linux-gnu*/faketime"),
        Path("/usr/lib64/faketime"),
        Path("/usr/lib/faketime"),
    ):
        if (library := folder / "libfaketimeMT.so.1").exists():
            return str(library)
    reason = "needs libfaketime: run scripts/servers, or apt install faketime"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Daemon:
    """A daemon with a clock of its own, watched as systemd and a monitor do."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.fed: list[float] = []  # when the watchdog was fed
        self.logged = folder / "log"
        self._offset, self.suspended = 0.0, 0.0
        self._write_clock()

    def step(self, seconds: float) -> None:
        """Set the clock."""
        self._offset += seconds
        self._write_clock()

    def suspend(self, seconds: float) -> None:
        """Advance the boot clock and the system time, but not the monotonic clock."""
        self.suspended += seconds
        self._offset += seconds
        self._write_clock()

    def _write_clock(self) -> None:
        for name, text in (("suspended", f"{self.suspended}"), ("offset", f"{self._offset:+}")):
            (self.folder / f"{name}.new").write_text(text)
            (self.folder / f"{name}.new").replace(self.folder / name)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of this name that were logged."""
        lines = self.logged.read_text(encoding="utf-8").splitlines()
        return [event for line in lines if (event := json.loads(line))["event"] == name]

    def rows(self) -> list[tuple[int, int]]:
        """Return the times of observation and of the fetch of all observations in the journal."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/state/weatherd.sqlite?mode=ro", uri=True)) as db:
            return db.execute("SELECT observed_at, fetched_at FROM observation").fetchall()

    async def get(self, path: str) -> tuple[int, Any]:
        """Request a path of the HTTP interface."""
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as response:
            return response.status, await (response.json() if path.startswith("/api") else response.text())

    async def states(self) -> set[str]:
        """Return the states of the cities."""
        _, page = await self.get("/api/v1/cities")
        return {city["state"] for city in page["cities"]}

    async def is_fresh_within(self, seconds: float) -> None:
        """Wait until all cities are fresh; it is an error if that takes longer."""
        end = asyncio.get_running_loop().time() + seconds
        while (states := await self.states()) != {"fresh"}:
            assert asyncio.get_running_loop().time() < end, states
            await asyncio.sleep(0.1)

    async def is_right_for(self, seconds: float) -> int:
        """Check health and watchdog for some seconds; return how often the cities were polled."""
        before, loop = await self._fetched(), asyncio.get_running_loop()
        begin = loop.time()  # after the first request, for which the HTTP interface has to be loaded
        while loop.time() < begin + seconds:
            assert (await self.get("/-/healthy"))[0] == 200
            assert loop.time() - self.fed[-1] < WATCHDOG / 2
            await asyncio.sleep(0.3)
        return await self._fetched() - before

    async def _fetched(self) -> int:
        _, status = await self.get("/api/v1/status")
        return int(status["account"]["fetched"])


@contextlib.asynccontextmanager
async def run_daemon(folder: Path, cache: int = 1) -> AsyncIterator[Daemon]:
    """Run the program with a simulated service that has the right time.

    Its clock follows in *cache* seconds, because faketime reads its file then. 0 costs five times as much CPU.
    """
    library, port = find_faketime(), free_port()
    loop, daemons = asyncio.get_running_loop(), list[Daemon]()

    def true_time() -> datetime:
        return utc_now() + timedelta(seconds=sum(daemon.suspended for daemon in daemons))

    async with serve_app("127.0.0.1", 0, create_app(now=true_time)) as service:
        (folder / "weatherd.yaml").write_text(
            f"interval: {INTERVAL}\nstate: state\nhttp: {{port: {port}}}\n"
            f"open_meteo: {{base_url: '{service}', plan: unlimited}}\n"
        )
        (folder / "cities.yaml").write_text(CITIES)
        daemon = Daemon(folder, f"http://127.0.0.1:{port}")
        daemons.append(daemon)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, daemon.logged.open("wb") as log:
            listener.bind(str(folder / "notify"))
            listener.setblocking(False)

            def receive() -> None:
                if b"WATCHDOG=1" in listener.recv(10_000):
                    daemon.fed.append(loop.time())

            loop.add_reader(listener, receive)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", LAUNCHER, "run", "--config", str(folder / "weatherd.yaml")),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
                env=os.environ
                | {
                    "LD_PRELOAD": library,
                    "FAKETIME_TIMESTAMP_FILE": str(folder / "offset"),
                    "FAKETIME_CACHE_DURATION": f"{cache}",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                    "SUSPENDED": str(folder / "suspended"),
                    "NOTIFY_SOCKET": str(folder / "notify"),
                    "WATCHDOG_USEC": f"{WATCHDOG * 1e6:.0f}",
                },
            )
            try:
                async with asyncio.timeout(30):
                    while not daemon.fed or len(daemon.events("observation")) < 2 * 2:
                        assert process.returncode is None, daemon.logged.read_text()
                        await asyncio.sleep(0.1)
                yield daemon
                process.send_signal(signal.SIGTERM)
                assert await process.wait() == 0
            finally:
                loop.remove_reader(listener)
                if process.returncode is None:
                    process.kill()
                    await process.wait()


@pytest.mark.parametrize("seconds", [3600.0, -7200.0, -DAY, 200 * DAY, -200 * DAY])
async def test_a_step_disturbs_nothing(tmp_path: Path, seconds: float) -> None:
    """Health and watchdog stay right, polling goes on, one line is logged, and once the clock is right, all is."""
    async with run_daemon(tmp_path) as daemon:
        daemon.step(seconds)
        assert await daemon.is_right_for(3 * INTERVAL) >= 4
        (step,) = daemon.events("clock.stepped")
        assert step["seconds"] == pytest.approx(seconds, abs=1)
        assert "city" not in step
        daemon.step(-seconds)
        await daemon.is_right_for(INTERVAL + 2)
        await daemon.is_fresh_within(3 * INTERVAL)  # a city that was polled just before may wait for its next poll
        assert not daemon.events("daemon.stuck")
        now = datetime.now(UTC)
        assert all(now - timedelta(hours=1) < datetime.fromtimestamp(at / 1e6, UTC) <= now for at, _ in daemon.rows())


async def test_a_suspend_disturbs_nothing(tmp_path: Path) -> None:
    """After five hours the cities are polled within seconds; the watchdog is fed all the time."""
    async with run_daemon(tmp_path, cache=0) as daemon:
        daemon.suspend(5 * 3600)
        assert await daemon.is_right_for(3 * INTERVAL) >= 4
        assert await daemon.states() == {"fresh"}
        assert [event["seconds"] for event in daemon.events("clock.resumed")] == pytest.approx([18_000], abs=1)
        assert not daemon.events("daemon.stuck")
