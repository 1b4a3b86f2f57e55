"""Standard output and standard error that nobody reads, or that are closed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.service import serving
from tests.support.weatherd_process import ENVIRONMENT, KIEL, PIPE, configure, weatherd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
pytestmark = [pytest.mark.real_time, pytest.mark.processes]


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
