"""``weatherd`` in a process of its own, with the files that it reads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.processes import start_process

if TYPE_CHECKING:
    import signal
    from collections.abc import AsyncIterator, Sequence


PIPE = asyncio.subprocess.PIPE


PATIENCE = 30.0  # seconds after which a test fails; normally everything takes much less


ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("WEATHERD_", "OPEN_WEATHER"))},
    "WEATHERD_HTTP__PORT": "0",  # because several tests run at the same time
}


class Process:
    """A running ``weatherd`` and the lines that it has written."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.printed: list[str] = []
        self.logged: list[dict[str, Any]] = []
        self._has_ended = False
        self._news = asyncio.Condition()

    async def read(self) -> None:
        """Read both streams until they end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_printed())
            tasks.create_task(self._read_logged())
        async with self._news:
            self._has_ended = True
            self._news.notify_all()

    async def prints(self, count: int) -> list[str]:
        """Wait for the first *count* printed lines and return them; fail if the process ends before."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.printed) >= count or self._has_ended)
        assert len(self.printed) >= count, self.logged
        return self.printed[:count]

    def mapped_files(self) -> str:
        """Return what Linux knows of the files that the process has mapped: its extension modules, among others."""
        return Path(f"/proc/{self._process.pid}/maps").read_text()

    async def logs(self, event: str, times: int = 1, **facts: object) -> dict[str, Any]:
        """Wait until an event with these facts has been logged *times* times, and return the last one.

        Fail if the process ends before.
        """

        def found() -> list[dict[str, Any]]:
            return [
                line
                for line in self.logged
                if line["event"] == event and all(line.get(key) == value for key, value in facts.items())
            ]

        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(found()) >= times or self._has_ended)
        assert len(found()) >= times, self.logged
        return found()[times - 1]

    @property
    def number(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process still runs."""
        return self._process.returncode is None

    def receives(self, number: signal.Signals) -> None:
        """Send a signal, not by Popen, because that polls the exit code, which asyncio would then miss."""
        os.kill(self._process.pid, number)

    async def ends(self) -> int:
        """Wait for the process to exit and return its exit code."""
        async with asyncio.timeout(PATIENCE):
            return await self._process.wait()

    async def _read_printed(self) -> None:
        async for line in self._process.stdout or _no_lines():
            async with self._news:
                self.printed.append(line.decode().rstrip("\n"))
                self._news.notify_all()

    async def _read_logged(self) -> None:
        async for line in self._process.stderr or _no_lines():
            async with self._news:
                self.logged.append(json.loads(line))  # every line parses
                self._news.notify_all()


async def _no_lines() -> AsyncIterator[bytes]:
    lines: list[bytes] = []
    for line in lines:
        yield line


@contextlib.asynccontextmanager
async def weatherd(
    *arguments: str,
    stdout: int = PIPE,
    stderr: int = PIPE,
    environ: dict[str, str] = ENVIRONMENT,
    prefix: Sequence[str] = (),
) -> AsyncIterator[Process]:
    """Start the program, by the command *prefix* if given; kill it at the end if it still runs."""
    command = (*prefix, sys.executable, "-m", "weatherd", *arguments)
    async with (
        asyncio.TaskGroup() as tasks,
        start_process(*command, stdout=stdout, stderr=stderr, env=environ) as child,
    ):
        process = Process(child)
        tasks.create_task(process.read())
        yield process


def configure(folder: Path, url: str, *rows: str, **settings: str) -> str:
    """Write both files and return the path of the settings file."""
    lines = [f"{name}: {value}" for name, value in {"interval": "1s", "state": "state", **settings}.items()]
    section = f"open_meteo: {{base_url: {url}, plan: unlimited}}"
    (folder / "weatherd.yaml").write_text("\n".join([*lines, section]))
    write_list(folder, *rows)
    return str(folder / "weatherd.yaml")


def write_list(folder: Path, *rows: str) -> None:
    """Write the list as careful editors do: a new file, renamed over the old one."""
    (folder / "new~").write_text("cities:\n" + "".join(f"  - {row}\n" for row in rows))
    (folder / "new~").replace(folder / "cities.yaml")


KIEL, BERLIN = "{name: Kiel, lat: 54.3, lon: 10.1}", "{name: Berlin, lat: 52.5, lon: 13.4}"
