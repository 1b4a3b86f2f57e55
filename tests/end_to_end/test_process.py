"""The real process, with real signals, in real time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.support.plugins import write_package
from tests.support.service import serving
from tests.support.weatherd_process import BERLIN, ENVIRONMENT, KIEL, PATIENCE, configure, weatherd, write_list

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes]


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


@pytest.mark.once
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_restarts_request_nothing_that_is_fresh(number: signal.Signals, tmp_path: Path) -> None:
    """Five restarts within seconds, even by kill -9, cause one request in total."""
    async with serving() as service:
        file = configure(tmp_path, service.url, KIEL, BERLIN, interval="10m")
        for _ in range(5):
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
            await asyncio.sleep(0.02)  # because another process writes the file
