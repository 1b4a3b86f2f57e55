"""Fixtures of the simulator's tests: a fixed time, a running simulator, and the recorded responses."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from weatherd.simulator.faults import parse_fault
from weatherd.simulator.server import create_app, serve_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path


@pytest.fixture
def now() -> datetime:
    """Return a time between the updates of all services."""
    return datetime(2026, 8, 21, 12, 7, 30, tzinfo=UTC)


@pytest.fixture
def recording(recorded: Path) -> Callable[[str], Any]:
    """Return a function that reads a recorded response by its name."""
    return lambda name: json.loads((recorded / name).read_text("utf-8"))


@pytest.fixture
async def simulate(now: datetime) -> AsyncIterator[Callable[..., Awaitable[aiohttp.ClientSession]]]:
    """Return a function that starts a simulator with faults, and returns a client for it."""
    async with AsyncExitStack() as stack:

        async def start(*faults: str, day_seconds: float | None = None, seed: int = 0) -> aiohttp.ClientSession:
            parsed = [parse_fault(fault) for fault in faults]
            app = create_app(now=lambda: now, day_seconds=day_seconds, faults=parsed, seed=seed)
            url = await stack.enter_async_context(serve_app("127.0.0.1", 0, app))
            connector = aiohttp.TCPConnector(force_close=True)
            return await stack.enter_async_context(aiohttp.ClientSession(url, connector=connector))

        yield start
