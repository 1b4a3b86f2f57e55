"""``weatherd status`` and ``weatherd health``: show the state of the running daemon."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import json as jsonlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import (
    AsJson,
    ConfigFile,
    DaemonUrl,
    JsonOrText,
    TagFilter,
    call_daemon,
    find_daemon,
    load_client_settings,
    parse_tags,
)
from weatherd.cli.status.selection import CitySelection
from weatherd.cli.terminal import print_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from weatherd.cli.client import Client
    from weatherd.cli.status.report import StatusReport
    from weatherd.web.schemas import HealthModel

_REFRESH = 2.0  # seconds


def status(  # noqa: PLR0917 - one parameter per option
    city: Annotated[
        list[str] | None, typer.Argument(metavar="CITY", help="Names or ids; default: the first 50 cities.")
    ] = None,
    config: ConfigFile = None,
    url: DaemonUrl = None,
    tag: TagFilter = None,
    state: Annotated[
        Literal["down", "stale", "waiting", "fresh"] | None,
        typer.Option(metavar="STATE", help="Only cities that are down, stale, waiting or fresh."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="At most N cities; without it 50, or all that are selected.")
    ] = None,
    why: Annotated[bool, typer.Option("--why", help="Show the reason for every city's next poll.")] = False,  # noqa: FBT002
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh every 2 s.")] = False,  # noqa: FBT002
    format: JsonOrText = "text",  # noqa: A002 - the option's name
    json: AsJson = False,  # noqa: FBT002
) -> int:
    """Show how many cities are fresh, what is wrong, and the cities: those with problems first.

    Each has its latest weather, its state and its next poll, and a reason if it has a problem. Also shows used quotas,
    paused providers and forwarders. JSON has all selected cities.

    \b
    Examples:
      weatherd status
      weatherd status Kiel --why
      weatherd status --state down
      weatherd status --watch
      weatherd status --tag region=north
      weatherd status --format json | jq .counts
    """
    from weatherd.cli.screen import open_console
    from weatherd.cli.status.report import StatusReport

    settings = load_client_settings(config)
    client = find_daemon(settings, url)
    selection = CitySelection(tuple(city or ()), parse_tags(tag or ()), state, limit)
    if json or format == "json":
        call_daemon(_print_json(client, selection))
    else:
        report = StatusReport(settings.display, settings.timezone, shows_reasons=why)
        screen = _Screen(client, open_console(), report, selection)
        call_daemon(screen.watch() if watch else screen.print_once())
    return ExitCode.OK


def health(config: ConfigFile = None, url: DaemonUrl = None) -> int:
    """Check whether the daemon is healthy: exit code 0 or 1.

    An unavailable weather service does not make the daemon unhealthy.

    \b
    Examples:
      weatherd health
    """
    from weatherd.cli.client import ClientError

    async def fetch(client: Client) -> HealthModel:
        async with client:
            return await client.get_health()

    try:
        found = call_daemon(fetch(find_daemon(load_client_settings(config, tolerant=True), url)))
    except ClientError as error:
        print_text(f"weatherd: {error}", err=True)
        return ExitCode.UNCLEAN
    print_text("healthy" if found.ok else f"unhealthy: {'; '.join(found.faults)}")
    return ExitCode.OK if found.ok else ExitCode.UNCLEAN


async def _print_json(client: Client, selection: CitySelection) -> None:
    async with client:
        daemon = (await client.get_status()).model_dump()
        cities = [found.model_dump() for found in await selection.fetch(client, selection.limit)]
    print_text(jsonlib.dumps({**daemon, "cities": cities, "counts": daemon["cities"]}, ensure_ascii=False, indent=2))


@dataclass(frozen=True, slots=True)
class _Screen:
    """The state of a daemon on a console."""

    client: Client
    console: Console
    report: StatusReport
    selection: CitySelection

    async def print_once(self) -> None:
        from weatherd.cli.screen import print_lines

        async with self.client:
            print_lines(self.console, await self._build())

    async def watch(self) -> None:
        """Refresh the screen until Ctrl-C. If the daemon becomes unavailable, the screen shows the error instead."""
        from rich.console import Group
        from rich.live import Live

        from weatherd.cli.client import ClientError
        from weatherd.text.control_characters import escape_controls

        console = self.console
        async with self.client:
            screen = Group(*await self._build())
            with Live(screen, console=console, auto_refresh=False, screen=console.is_terminal) as live:
                while True:
                    await asyncio.sleep(_REFRESH)
                    try:
                        live.update(Group(*await self._build()), refresh=True)
                    except ClientError as error:
                        live.update(escape_controls(str(error)), refresh=True)

    async def _build(self) -> list[str | Text]:
        from weatherd.cli.screen import find_width

        selection, daemon = self.selection, await self.client.get_status()
        cities = await selection.fetch(self.client, selection.row_limit)
        selected = await selection.count(self.client, cities) if selection.tags else Counter[str]()
        width = find_width(self.console)
        return list(self.report.format(daemon, cities, datetime.now(UTC), width, selection, selected=selected))
