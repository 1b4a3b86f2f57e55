"""``weatherd simulate``: a weather service in a box, to rehearse outages."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import typer

from weatherd import log
from weatherd.cli.exit_codes import OK
from weatherd.daemon import signals
from weatherd.daemon.wiring import utc_now
from weatherd.duration import parse_duration
from weatherd.errors import WeatherdError
from weatherd.simulator.faults import parse_fault
from weatherd.simulator.quotas import free_plan_quotas
from weatherd.simulator.server import create_app, serve_app

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager


def simulate(host: str, port: int, day: str, faults: Sequence[str], seed: int, *, quotas: bool) -> int:
    """Serve simulated weather until a signal to stop; each fault that strikes is logged."""
    log.configure("debug")
    try:
        struck = [parse_fault(text) for text in faults]
        limits = free_plan_quotas() if quotas else {}
        app = create_app(now=utc_now, day=_day(day), faults=struck, seed=seed, quotas=limits)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        return asyncio.run(_until_stopped(serve_app(host, port, app)))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise WeatherdError(f"cannot listen on {host}:{port}: {reason}") from None


def _day(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"--day {error}") from None


async def _until_stopped(serving: AbstractAsyncContextManager[str]) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def begin_to_stop() -> None:
        loop.call_soon_threadsafe(stop.set)

    async with serving as url:
        with signals.handle_signals(loop, begin_to_stop, lambda: None):
            typer.echo(f"simulated weather on {url} (Ctrl-C ends it)")
            await stop.wait()
    return OK
