"""The real process, with real signals, in real time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.plugins import write_package
from tests.support.servers import free_port
from tests.support.service import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

pytestmark = [pytest.mark.real_time, pytest.mark.processes]

PIPE = asyncio.subprocess.PIPE
PATIENCE = 30.0  # seconds after which a test fails; normally everything takes much less
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("WEATHERD_", "OPEN_WEATHER"))}
ENVIRONMENT["WEATHERD_HTTP__PORT"] = "0"  # because several tests run at the same time


class Process:
    """A running ``weatherd`` and the lines that it has written."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.printed: list[str] = []
        self.logged: list[dict[str, Any]] = []
        self._news = asyncio.Condition()

    async def read(self) -> None:
        """Read both streams until they end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_printed())
            tasks.create_task(self._read_logged())

    async def prints(self, count: int) -> list[str]:
        """Wait for the first *count* printed lines and return them."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.printed) >= count)
            return self.printed[:count]

    def mapped_files(self) -> str:
        """Return what Linux knows of the files that the process has mapped: its extension modules, among others."""
        return Path(f"/proc/{self._process.pid}/maps").read_text()

    async def logs(self, event: str, times: int = 1, **facts: object) -> dict[str, Any]:
        """Wait until an event with these facts has been logged *times* times, and return the last one."""

        def found() -> list[dict[str, Any]]:
            return [
                line
                for line in self.logged
                if line["event"] == event and all(line.get(key) == value for key, value in facts.items())
            ]

        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(found()) >= times)
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
    child = await asyncio.create_subprocess_exec(*command, stdout=stdout, stderr=stderr, env=environ)
    process = Process(child)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(process.read())
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


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


async def test_the_demo_prints_weather_and_stops_on_sigterm(tmp_path: Path) -> None:
    """The demo needs no setup: it prints three cities, its page, and a command to try; SIGTERM ends it with code 0."""
    async with weatherd("run", "--demo", environ=ENVIRONMENT | {"XDG_STATE_HOME": str(tmp_path)}) as process:
        lines = await process.prints(3)
        assert [line.split(":")[0] for line in lines] == ["Kiel", "Berlin", "München"]
        assert all(" °C :: " in line for line in lines)
        url = (await process.logs("http.ready"))["url"]
        ready = await process.logs("demo.ready")
        assert (ready["page"], ready["try"]) == (f"{url}/", "weatherd status")
        process.receives(signal.SIGTERM)
        stopped = await process.logs("daemon.stopped")
        assert await process.ends() == 0
    assert stopped["clean"]
    assert stopped["fetched"] == stopped["stored"] + stopped["repeated"]
    assert not list_files(tmp_path / "weatherd")  # the one by which commands find it


def list_files(folder: Path) -> list[Path]:
    """Return the files in a folder."""
    return list(folder.glob("*"))


async def run_command(environ: dict[str, str], *arguments: str) -> str:
    """Run a command that succeeds; return what it prints."""
    command = (sys.executable, "-m", "weatherd", *arguments)
    child = await asyncio.create_subprocess_exec(*command, stdout=PIPE, env=environ)
    out, _ = await child.communicate()
    assert child.returncode == 0
    return out.decode()


async def test_the_commands_find_the_demo(tmp_path: Path) -> None:
    """Without options, they show its cities, its simulated past and its places; a second demo leaves them the first."""
    environ = ENVIRONMENT | {"XDG_STATE_HOME": str(tmp_path)}
    async with weatherd("run", "--demo", environ=environ) as process:
        await process.prints(3)
        assert (await process.logs("demo.history"))["observations"] == 30 * 72 * 3
        assert "3 cities: 3 fresh" in await run_command(environ, "status")
        assert "24 h" in await run_command(environ, "Kiel")
        history = json.loads(await run_command(environ, "history", "Kiel", "--since", "29d", "--format", "json"))
        assert {found["station"] for found in history["observations"][:-3]} == {"simulated"}
        assert len(history["observations"]) > 2000
        assert "Schleswig-Holstein" in await run_command(environ, "cities", "search", "Kiel")
        async with weatherd("run", "--demo", environ=environ) as second:
            url = (await second.logs("http.ready"))["url"]
            assert (await second.logs("demo.ready"))["try"] == f"weatherd status --url {url}"
        assert "3 fresh" in await run_command(environ, "status")


async def test_the_demo_uses_a_port_from_a_section_in_json(tmp_path: Path) -> None:
    """A variable with the whole section sets the port like one with the port alone."""
    port = free_port()
    environ = {name: value for name, value in ENVIRONMENT.items() if name != "WEATHERD_HTTP__PORT"}
    environ |= {"WEATHERD_HTTP": f'{{"port": {port}}}', "XDG_STATE_HOME": str(tmp_path)}
    async with weatherd("run", "--demo", environ=environ) as process:
        assert (await process.logs("http.ready"))["url"] == f"http://127.0.0.1:{port}"
        process.receives(signal.SIGTERM)
        assert await process.ends() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_stop_signal_right_after_the_start_is_clean(number: signal.Signals, tmp_path: Path) -> None:
    """A signal before the first response still stops the daemon cleanly."""
    async with serving() as service, weatherd("run", "-c", configure(tmp_path, service.url, KIEL)) as process:
        await process.logs("daemon.ready")
        process.receives(number)
        assert await process.ends() == 0
        assert (await process.logs("daemon.stopped"))["clean"]


async def test_sighup_reloads_the_list(tmp_path: Path) -> None:
    """SIGHUP applies an edited list; an invalid one is rejected with file, line and column, and changes nothing."""
    async with serving() as service, weatherd("run", "-c", configure(tmp_path, service.url, KIEL)) as process:
        await process.prints(1)
        write_list(tmp_path, KIEL, BERLIN)
        process.receives(signal.SIGHUP)
        assert (await process.logs("cities.reloaded"))["added"] == ["berlin"]
        (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: [\n")
        process.receives(signal.SIGHUP)
        rejected = await process.logs("cities.rejected")
        assert rejected["problems"][0].startswith(f"{tmp_path}/cities.yaml:3:1: ")
        before = service.requests
        await process.prints(len(process.printed) + 4)
        assert service.requests > before
        process.receives(signal.SIGTERM)
        assert await process.ends() == 0


@pytest.mark.parametrize("way", ["rename", "in place"])
async def test_an_edited_list_is_reloaded(tmp_path: Path, way: str) -> None:
    """An edit takes effect without a signal, whether the editor writes in place or replaces the file."""
    async with serving() as service, weatherd("run", "-c", configure(tmp_path, service.url, KIEL)) as process:
        await process.prints(1)
        if way == "rename":
            write_list(tmp_path, KIEL, BERLIN)
        else:
            (tmp_path / "cities.yaml").write_text(f"cities: [{KIEL}, {BERLIN}]\n")
        assert (await process.logs("cities.reloaded"))["added"] == ["berlin"]
        process.receives(signal.SIGTERM)
        assert await process.ends() == 0


@contextlib.contextmanager
def blocked_pipe() -> Iterator[int]:
    """Yield the write end of a full pipe that is never read."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    yield writer
    os.close(reader)
    os.close(writer)


async def test_a_sink_that_hangs_is_abandoned(tmp_path: Path) -> None:
    """With standard output blocked, SIGTERM still ends the process after the grace period, with exit code 1."""
    async with serving() as service:
        file = configure(tmp_path, service.url, KIEL, shutdown_grace="1s")
        with blocked_pipe() as pipe:
            async with weatherd("run", "-c", file, stdout=pipe) as process:
                await process.logs("observation")
                process.receives(signal.SIGTERM)
                stopped = await process.logs("daemon.stopped")
                assert await process.ends() == 1
    assert not stopped["clean"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_second_signal_kills_at_once(number: signal.Signals, tmp_path: Path) -> None:
    """A second signal does not wait for the grace period."""
    async with serving() as service:
        file = configure(tmp_path, service.url, KIEL, shutdown_grace="1h")
        with blocked_pipe() as pipe:
            async with weatherd("run", "-c", file, stdout=pipe) as process:
                await process.logs("observation")
                process.receives(number)
                await process.logs("daemon.stopping")
                process.receives(number)
                assert await process.ends() == -number


async def test_a_log_that_is_not_read_blocks_nothing(tmp_path: Path) -> None:
    """With standard error blocked, observations are still printed, and SIGTERM stops the daemon cleanly."""
    async with serving() as service:
        file = configure(tmp_path, service.url, KIEL)
        with blocked_pipe() as pipe:
            async with weatherd("run", "-c", file, stderr=pipe) as process:
                await process.prints(3)
                process.receives(signal.SIGTERM)
                assert await process.ends() == 0


async def test_a_start_that_hangs_can_be_killed(tmp_path: Path) -> None:
    """A signal that arrives while the import of a plug-in blocks is not lost, and the second one kills the process."""
    fifo, packages = tmp_path / "fifo", tmp_path / "packages"
    os.mkfifo(fifo)
    points = "[weatherd.providers]\nblocking = blocking:open_provider\n"
    write_package(packages, "blocking", points, blocking=f"open({str(fifo)!r}).read()\n")
    file = configure(tmp_path, "http://127.0.0.1:1", KIEL)
    async with weatherd("run", "-c", file, environ=ENVIRONMENT | {"PYTHONPATH": str(packages)}) as process:
        writer = await open_once_read(fifo)
        while process.running:
            with contextlib.suppress(ProcessLookupError):
                process.receives(signal.SIGTERM)
            await asyncio.sleep(0)
        os.close(writer)
        assert await process.ends() == -signal.SIGTERM


async def open_once_read(fifo: Path) -> int:
    """Open a FIFO for writing as soon as another process reads it; return the descriptor."""
    while True:
        with contextlib.suppress(OSError):  # ENXIO while nobody reads it
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("streams", ["2>&-", ">&-", ">&- 2>&-"])
async def test_closed_streams_do_not_matter(tmp_path: Path, streams: str) -> None:
    """A command started with a closed stream prints no traceback on the other, and keeps its exit code."""
    async with serving() as service:
        file = configure(tmp_path, service.url, KIEL)
        command = f'"$0" -m weatherd once -c "$1" {streams}'
        shell = await asyncio.create_subprocess_exec(
            *("sh", "-c", command, sys.executable, file), stdout=PIPE, stderr=PIPE, env=ENVIRONMENT
        )
        out, err = await shell.communicate()
    assert (shell.returncode, b"Traceback" in out + err) == (0, False)


async def test_a_replaced_folder_is_reloaded(tmp_path: Path) -> None:
    """After the whole configuration folder has been replaced, edits still take effect."""
    async with serving() as service:
        (folder := tmp_path / "config").mkdir()
        async with weatherd("run", "-c", configure(folder, service.url, KIEL)) as process:
            await process.prints(1)
            folder.rename(tmp_path / "old")
            folder.mkdir()
            configure(folder, service.url, KIEL, BERLIN)
            assert (await process.logs("cities.reloaded"))["added"] == ["berlin"]
            write_list(folder, BERLIN)
            await process.logs("cities.reloaded", removed=["kiel"])
            process.receives(signal.SIGTERM)
            assert await process.ends() == 0


async def test_a_closed_output_does_not_matter(tmp_path: Path) -> None:
    """When the reader of standard output exits, the daemon logs it once and continues."""
    reader, writer = os.pipe()
    os.close(reader)
    async with (
        serving() as service,
        weatherd("run", "-c", configure(tmp_path, service.url, KIEL), stdout=writer) as process,
    ):
        down = await process.logs("sink.down")
        await process.logs("observation", 3)
        process.receives(signal.SIGTERM)
        assert await process.ends() == 0
    os.close(writer)
    assert (down["sink"], down["reason"]) == ("console", "Broken pipe")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"intervall": "5s"}, "weatherd.yaml:3:1: unknown key 'intervall'; did you mean 'interval'?"),
        ({"cities": "none.yaml"}, "none.yaml: cannot be read"),
        ({"providers": "[openweathermap]"}, "OPEN_WEATHER_API_KEY"),
    ],
)
async def test_an_invalid_configuration_is_rejected(tmp_path: Path, settings: dict[str, str], problem: str) -> None:
    """An unusable configuration is explained in one event, and the exit code is 78."""
    async with weatherd("run", "-c", configure(tmp_path, "http://127.0.0.1:1", KIEL, **settings)) as process:
        rejected = await process.logs("config.rejected")
        assert await process.ends() == 78
    assert problem in rejected["problems"][0]


async def test_a_second_daemon_on_the_same_state_folder_is_rejected(tmp_path: Path) -> None:
    """It names the first process and the fix, and exits with 74; the first daemon continues."""
    async with serving() as service, weatherd("run", "-c", configure(tmp_path, service.url, KIEL)) as first:
        await first.logs("daemon.ready")
        async with weatherd("run", "-c", str(tmp_path / "weatherd.yaml")) as second:
            refused = await second.logs("state.refused")
            assert await second.ends() == 74
        assert f"{tmp_path}/state is in use by another weatherd (process {first.number})" in refused["reason"]
        assert "'state'" in refused["reason"]
        await first.prints(2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_restarts_request_nothing_that_is_fresh(number: signal.Signals, tmp_path: Path) -> None:
    """Ten restarts within seconds, even by kill -9, cause one request in total."""
    async with serving() as service:
        file = configure(tmp_path, service.url, KIEL, BERLIN, interval="10m")
        for _ in range(10):
            async with weatherd("run", "-c", file) as process:
                await process.logs("daemon.ready")
                if not service.requests:
                    await process.prints(2)
                    await written(tmp_path / "state" / "weatherd.sqlite")
                process.receives(number)
                await process.ends()
        assert service.requests == 1


async def written(file: Path) -> None:
    """Wait until both cities are in the journal."""
    query = "SELECT count(*) FROM last"
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.closing(sqlite3.connect(file)) as database:
                if database.execute(query).fetchone() == (2,):
                    return
            await asyncio.sleep(0)
