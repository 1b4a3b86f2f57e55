"""``weatherd status`` and ``weatherd health``: show the state of the running daemon."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import json as jsonlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

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
    require_tagged,
)
from weatherd.cli.terminal import print_text
from weatherd.cli.wording import describe_latest, describe_running_poll, format_age, format_due_time, format_local_time
from weatherd.text.units import UNITS, convert_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console
    from rich.text import Text

    from weatherd.cli.client import Client
    from weatherd.text.display import Display
    from weatherd.web.schemas import CityModel, ForwarderModel, HealthModel, ProviderModel, StatusModel

_REFRESH = 2.0  # seconds
_STYLES = {"fresh": "green", "stale": "yellow", "down": "red", "waiting": "dim", "up": "green"}


def status(  # noqa: PLR0917 - one parameter per option
    config: ConfigFile = None,
    url: DaemonUrl = None,
    tag: TagFilter = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh every 2 s.")] = False,  # noqa: FBT002
    format: JsonOrText = "text",  # noqa: A002 - the option's name
    json: AsJson = False,  # noqa: FBT002
) -> int:
    """Show every city's latest weather, its state and its next poll.

    Also shows used quotas, paused providers and forwarders.

    \b
    Examples:
      weatherd status
      weatherd status --watch
      weatherd status --tag region=north
      weatherd status --format json | jq .counts
    """
    from weatherd.cli.screen import open_console

    settings = load_client_settings(config)
    client = find_daemon(settings, url)
    tags = parse_tags(tag or ())
    if json or format == "json":
        call_daemon(_print_json(client, tags))
    else:
        screen = _Screen(client, open_console(), settings.display, settings.timezone, tags)
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


async def _print_json(client: Client, tags: Mapping[str, str]) -> None:
    async with client:
        daemon = (await client.get_status()).model_dump()
        cities = [city.model_dump() async for city in client.list_cities(tags)]
    print_text(jsonlib.dumps({**daemon, "cities": cities, "counts": daemon["cities"]}, ensure_ascii=False, indent=2))


@dataclass(frozen=True, slots=True)
class _Screen:
    """The state of a daemon on a console, in the reader's units, language and time zone."""

    client: Client
    console: Console
    display: Display
    zone_name: str | None
    tags: Mapping[str, str]

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

        width = find_width(self.console)
        daemon, cities = await self.client.get_status(), [city async for city in self.client.list_cities(self.tags)]
        require_tagged(cities, self.tags)
        table = _build_table(cities, datetime.now(UTC), width, self.display)
        return [*table, *_describe_daemon(daemon, width, self.zone_name)]


def _build_table(cities: Sequence[CityModel], now: datetime, width: int | None, display: Display) -> list[Text]:
    from weatherd.cli.table import Column, format_table

    latest, polls = [city.observation for city in cities], [city.next for city in cities]
    reasons = [city.next.why if city.next else describe_running_poll(city.polling, now) for city in cities]
    unit = UNITS[display.units]["temperature"]
    degrees = [f"{convert_value(last.temperature, unit):z.0f}" if last else "–" for last in latest]
    return format_table(
        [
            Column("city", [city.name for city in cities], min_width=14),
            Column("state", [city.state for city in cities], styles=_STYLES),
            Column(unit.symbol, degrees, is_number=True),
            Column("weather", [describe_latest(city, display) for city in cities], rank=2, min_width=10),
            Column("age", [format_age(last.observed_at, now) if last else "–" for last in latest]),
            Column("provider", [last.provider if last else "–" for last in latest], rank=4),
            Column("next poll", [format_due_time(poll.at, now) if poll else "now" for poll in polls], rank=3),
            Column("reason", reasons, rank=1, min_width=20),
        ],
        width,
    )


def _describe_daemon(daemon: StatusModel, width: int | None, zone_name: str | None) -> Iterator[str | Text]:
    from weatherd.cli.screen import wrap_text

    yield from _build_quota_table(daemon.providers, width)
    yield from _build_forwarder_table(daemon.forwarders, width)
    sentences = list(_describe_problems(daemon, zone_name))
    if sentences:
        yield ""
    for sentence in sentences:
        yield from wrap_text(sentence, width, indent=2)


def _build_quota_table(providers: Sequence[ProviderModel], width: int | None) -> list[str | Text]:
    """Return an empty line and a table of the used quotas; nothing if no quota is used."""
    from weatherd.cli.table import Column, format_table

    used = [(entry.provider, quota) for entry in providers for quota in entry.quotas if quota.used]
    if not used:
        return []
    columns = [
        Column("quota", [f"{provider} / {quota.window}" for provider, quota in used]),
        Column("used", [f"{quota.used:,.0f}" for _, quota in used], is_number=True),
        Column("limit", [f"{quota.limit:,}" for _, quota in used], is_number=True),
        Column("share", [f"{quota.used / quota.limit:.0%}" for _, quota in used], rank=1, is_number=True),
    ]
    return ["", *format_table(columns, width)]


def _build_forwarder_table(forwarders: Sequence[ForwarderModel], width: int | None) -> list[str | Text]:
    """Return an empty line and a table of the forwarders; nothing if there are none."""
    from weatherd.cli.table import Column, format_table

    if not forwarders:
        return []
    columns = [
        Column("forwarder", [entry.forwarder for entry in forwarders]),
        Column("state", ["down" if entry.is_down else "up" for entry in forwarders], styles=_STYLES),
        Column("delivered", [f"{entry.delivered:,}" for entry in forwarders], rank=2, is_number=True),
        Column("waiting", [f"{entry.behind:,}" for entry in forwarders], is_number=True),
    ]
    if any(entry.skipped for entry in forwarders):
        columns.append(Column("skipped", [f"{entry.skipped:,}" for entry in forwarders], rank=1, is_number=True))
    return ["", *format_table(columns, width)]


def _describe_problems(daemon: StatusModel, zone_name: str | None) -> Iterator[str]:
    for entry in daemon.providers:
        if entry.paused:
            until = format_local_time(entry.paused.until, zone_name)
            yield f"{entry.provider} is paused until {until}: {entry.paused.reason}"
    if daemon.quarantined:
        noun, verb = ("row", "is") if daemon.quarantined == 1 else ("rows", "are")
        yield f"{daemon.quarantined} {noun} of the city list {verb} quarantined; weatherd check shows why"
    if not daemon.reload_successful:
        yield "the last edit was rejected, and the previous configuration is in use; weatherd check shows why"
