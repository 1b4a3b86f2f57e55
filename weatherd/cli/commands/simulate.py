"""``weatherd simulate``: serve simulated weather without the daemon, to rehearse outages."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from weatherd import log
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.terminal import print_text
from weatherd.daemon import signals
from weatherd.errors import WeatherdError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager


def simulate(  # noqa: PLR0917 - one parameter per option
    port: Annotated[
        int,
        typer.Option(
            "--port", "-p", metavar="PORT", min=0, max=65535, help="The port to listen on; 0 picks a free one."
        ),
    ] = 8081,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    day: Annotated[str, typer.Option(metavar="DURATION", help="Duration of a simulated day: 10m, 1h, 24h.")] = "24h",
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="KIND:RATE", help="A fault, and the fraction of the responses that have it."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Seed of the random faults.")] = 0,
    quotas: Annotated[bool, typer.Option("--quotas", help="Enforce the limits of the free plans.")] = False,  # noqa: FBT002
) -> int:
    """Serve simulated weather, with faults on demand.

    The server implements the APIs of all six services; GET /_stats counts the requests. Each injected fault is logged.

    \b
    Examples:
      weatherd simulate --day 10m
      weatherd simulate --fault 429:0.2 --fault hang:0.05
    """
    from weatherd.daemon.wiring import utc_now
    from weatherd.simulator.faults import parse_fault
    from weatherd.simulator.quotas import free_plan_quotas
    from weatherd.simulator.server import create_app, serve_app

    log.configure("debug")
    if not host:  # it would mean every address
        raise typer.BadParameter("--host should be an address or a host name")
    try:
        faults = [parse_fault(text) for text in fault or ()]
        limits = free_plan_quotas() if quotas else {}
        app = create_app(now=utc_now, day_seconds=_parse_day(day), faults=faults, seed=seed, quotas=limits)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        return asyncio.run(_serve_until_signal(serve_app(host, port, app)))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise WeatherdError(f"cannot listen on {host}:{port}: {reason}") from None
    except UnicodeError as error:  # raised for a host name that IDNA does not allow
        raise typer.BadParameter(f"--host should be an address or a host name: {error}") from None


def _parse_day(text: str) -> float:
    from weatherd.text.duration import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"--day {error}") from None


async def _serve_until_signal(serving: AbstractAsyncContextManager[str]) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def begin_to_stop() -> None:
        loop.call_soon_threadsafe(stop.set)

    async with serving as url:
        with signals.handle_signals(loop, begin_to_stop, lambda: None):
            print_text(f"simulated weather on {url} (stop with Ctrl-C)")
            await stop.wait()
    return ExitCode.OK
