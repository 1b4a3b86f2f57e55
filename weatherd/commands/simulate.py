"""``weatherd simulate``: a weather service in a box, to rehearse outages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from weatherd import log, signals
from weatherd.commands import OK
from weatherd.compose import now
from weatherd.errors import WeatherdError
from weatherd.simulator.server import application, serve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.simulator.faults import Fault


def simulate(host: str, port: int, day: float | None, faults: Sequence[Fault], seed: int) -> int:
    """Serve simulated weather until a signal to stop; each fault that strikes is logged."""
    log.configure("debug")
    return asyncio.run(_simulate(host, port, day, faults, seed))


async def _simulate(host: str, port: int, day: float | None, faults: Sequence[Fault], seed: int) -> int:
    stop = asyncio.Event()
    app = application(now=now, day=day, faults=faults, seed=seed)
    try:
        async with serve(host, port, app) as url:
            with signals.catch(asyncio.get_running_loop(), stop.set, lambda: None):
                typer.echo(f"simulated weather on {url} (Ctrl-C ends it)")
                await stop.wait()
    except OSError as error:
        raise WeatherdError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return OK
