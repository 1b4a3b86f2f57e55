"""``weatherd status`` and ``weatherd health``: show the state of the running daemon."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import json as jsonlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import AsJson, ConfigFile, DaemonUrl, call_daemon, find_daemon
from weatherd.cli.relative_time import format_age, format_due_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, Group
    from rich.table import Table

    from weatherd.cli.client import Client
    from weatherd.web.schemas import CityModel, ForwarderModel, HealthModel, StatusModel

_REFRESH = 2.0  # seconds
_STYLES = {"fresh": "green", "stale": "yellow", "down": "red", "waiting": "dim"}


def status(
    config: ConfigFile = None,
    url: DaemonUrl = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh every 2 s.")] = False,  # noqa: FBT002
    json: AsJson = False,  # noqa: FBT002
) -> int:
    """Show every city's latest weather, its state and its next poll.

    Also shows used quotas, paused providers and forwarders.

    \b
    Examples:
      weatherd status
      weatherd status --watch
      weatherd status --json | jq .counts
    """
    from rich.console import Console

    client = find_daemon(config, url)
    if json:
        call_daemon(_print_json(client))
    else:
        # No markup and no emoji, because names come from files and from the daemon
        console = Console(highlight=False, markup=False, emoji=False, soft_wrap=not watch)
        call_daemon(_watch(client, console) if watch else _print_once(client, console))
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
        found = call_daemon(fetch(find_daemon(config, url, tolerant=True)))
    except ClientError as error:
        typer.echo(f"weatherd: {error}", err=True)
        return ExitCode.UNCLEAN
    typer.echo("healthy" if found.ok else f"unhealthy: {'; '.join(found.faults)}")
    return ExitCode.OK if found.ok else ExitCode.UNCLEAN


async def _print_json(client: Client) -> None:
    async with client:
        daemon = (await client.get_status()).model_dump()
        cities = [city.model_dump() async for city in client.list_cities()]
    typer.echo(jsonlib.dumps({**daemon, "cities": cities, "counts": daemon["cities"]}, ensure_ascii=False, indent=2))


async def _print_once(client: Client, console: Console) -> None:
    async with client:
        console.print(await _build_screen(client, console.width))


async def _watch(client: Client, console: Console) -> None:
    """Refresh the screen until Ctrl-C. If the daemon becomes unavailable, the screen shows the error instead."""
    from rich.live import Live

    from weatherd.cli.client import ClientError

    async with client:
        screen = await _build_screen(client, console.width)
        with Live(screen, console=console, auto_refresh=False, screen=console.is_terminal) as live:
            while True:
                await asyncio.sleep(_REFRESH)
                try:
                    live.update(await _build_screen(client, console.width), refresh=True)
                except ClientError as error:
                    live.update(str(error), refresh=True)


async def _build_screen(client: Client, width: int) -> Group:
    from rich.console import Group

    daemon, cities = await client.get_status(), [city async for city in client.list_cities()]
    return Group(_build_table(cities, datetime.now(UTC), width), *_describe_daemon(daemon))


def _build_table(cities: Sequence[CityModel], now: datetime, width: int) -> Table:
    from weatherd.cli.table import Column, build_table

    latest, polls = [city.observation for city in cities], [city.next for city in cities]
    return build_table(
        [
            Column("city", [city.name for city in cities], is_wrapped=True),
            Column("state", [city.state for city in cities], styles=_STYLES),
            Column("°C", [f"{last.temperature:.0f}" if last else "–" for last in latest], is_number=True),
            Column("weather", [last.description if last else "–" for last in latest], rank=1, is_wrapped=True),
            Column("age", [format_age(last.observed_at, now) if last else "–" for last in latest]),
            Column("provider", [last.provider if last else "–" for last in latest], rank=2),
            Column("next poll", [format_due_time(poll.at, now) if poll else "now" for poll in polls], rank=3),
            Column("reason", [poll.why if poll else "poll in progress" for poll in polls], rank=4, is_wrapped=True),
        ],
        width,
    )


def _describe_daemon(daemon: StatusModel) -> Iterator[str]:
    used = [(entry.provider, quota) for entry in daemon.providers for quota in entry.quotas if quota.used]
    if used:
        yield ""
    for provider, quota in used:
        share = f"{quota.used / quota.limit:.0%}"
        yield f"{provider}: {quota.used:,.0f} of {quota.limit:,} calls this {quota.window} ({share})"
    for entry in daemon.providers:
        if entry.paused:
            until = datetime.fromisoformat(entry.paused.until).astimezone()
            yield f"{entry.provider} is paused until {until:%d %b %H:%M:%S}: {entry.paused.reason}"
    yield from map(_describe_forwarder, daemon.forwarders)
    if daemon.quarantined:
        yield f"{daemon.quarantined} rows of the city list are quarantined; weatherd check shows why"
    if not daemon.reload_successful:
        yield "the last edit was rejected, and the previous configuration is in use; weatherd check shows why"


def _describe_forwarder(forwarder: ForwarderModel) -> str:
    state = "down" if forwarder.is_down else "up"
    skipped = f", {forwarder.skipped:,} skipped" if forwarder.skipped else ""
    return f"{forwarder.forwarder}: {state}, {forwarder.delivered:,} delivered, {forwarder.behind:,} waiting{skipped}"
