"""Processes that are killed at the end of a test."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def start_process(*command: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a program with the options of ``create_subprocess_exec``; kill it at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(*command, **options)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def run_script(script: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a Python script in a process of its own."""
    pipe, command = asyncio.subprocess.PIPE, (sys.executable, "-c", script, *arguments)
    async with start_process(*command, stdin=pipe, stdout=pipe, cwd=Path(__file__).parents[2]) as process:
        yield process


async def read_line(process: asyncio.subprocess.Process) -> str:
    """Return the next line that a process prints, within 30 s."""
    assert process.stdout
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode().strip()
