"""Scripts in a process of their own, for tests that kill one."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def run_script(script: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a Python script in a process of its own; kill it at the end."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, *arguments), stdin=pipe, stdout=pipe, cwd=Path(__file__).parents[2]
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def read_line(process: asyncio.subprocess.Process) -> str:
    """Return the next line that a process prints, within 30 s."""
    assert process.stdout
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode().strip()
