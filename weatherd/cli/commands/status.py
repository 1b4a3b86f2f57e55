"""``weatherd status``: every city, the quotas and the forwarders, as the running daemon knows them."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from weatherd import duration
from weatherd.cli.client import UnansweredError, ask, cities, daemon
from weatherd.cli.exit_codes import OK

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.cli.client import Daemon

_STYLES = {"fresh": "green", "stale": "yellow", "down": "red", "waiting": "dim"}


def status(config: Path | None, url: str | None, *, watch: bool, as_json: bool) -> int:
    """Print it, once or again and again. Raises UnansweredError when there is no daemon."""
    where = daemon(config, url)
    if as_json:
        (said,) = ask(where, "/api/v1/status")
        typer.echo(
            json.dumps({**said, "cities": cities(where), "counts": said["cities"]}, ensure_ascii=False, indent=2)
        )
        return OK
    console = Console(highlight=False, soft_wrap=not watch)
    if not watch:
        console.print(_screen(where))
        return OK
    with Live(_screen(where), console=console, auto_refresh=False, screen=console.is_terminal) as live:
        while True:
            time.sleep(2)
            try:
                live.update(_screen(where), refresh=True)
            except UnansweredError as error:
                live.update(str(error), refresh=True)


def _screen(where: Daemon) -> Group:
    (said,) = ask(where, "/api/v1/status")
    now = datetime.now(UTC)
    parts: list[Any] = [_cities(cities(where), now)]
    if quotas := [(each["provider"], quota) for each in said["providers"] for quota in each["quotas"] if quota["used"]]:
        parts += ["", *(_quota(*each) for each in quotas)]
    paused = [each for each in said["providers"] if each["paused"]]
    parts += [
        f"{each['provider']} is left alone until {_clock(each['paused']['until'])}: {each['paused']['reason']}"
        for each in paused
    ]
    parts += [_forwarder(each) for each in said["forwarders"]]
    if said["quarantined"]:
        parts.append(f"{said['quarantined']} rows of the list are set aside: weatherd check names them")
    if not said["reload_successful"]:
        parts.append("the files have a mistake since the last edit, and the old ones go on: weatherd check names it")
    return Group(*parts)


def _cities(found: list[dict[str, Any]], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("city", "state", "°C", "weather", "age", "provider", "next", "because"):
        table.add_column(name, justify="right" if name == "°C" else "left")
    for city in found:
        last, then, state = city["observation"], city["next"], city["state"]
        values = (
            [f"{last['temperature']:.0f}", last["description"], ago(last["observed_at"], now), last["provider"]]
            if last
            else ["–"] * 4
        )
        coming = [ahead(then["at"], now), then["why"]] if then else ["now", "it is being polled"]
        table.add_row(city["name"], f"[{_STYLES[state]}]{state}[/]", *values, *coming)
    return table


def ago(moment: str, now: datetime) -> str:
    """Return how long ago a moment was, in words."""
    return duration.format_duration(max(0, int((now - datetime.fromisoformat(moment)).total_seconds())))


def ahead(moment: str, now: datetime) -> str:
    """Return how far ahead a moment is, in words."""
    seconds = (datetime.fromisoformat(moment) - now).total_seconds()
    return f"in {duration.format_duration(int(seconds))}" if seconds >= 1 else "now"


def _clock(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%d %b %H:%M:%S}"


def _quota(provider: str, quota: dict[str, Any]) -> str:
    share = quota["used"] / quota["limit"]
    return f"{provider}: {quota['used']:,.0f} of {quota['limit']:,} calls this {quota['window']} ({share:.0%})"


def _forwarder(each: dict[str, Any]) -> str:
    state = "down" if each["is_down"] else "up"
    aside = f", {each['set_aside']:,} skipped" if each["set_aside"] else ""
    return f"{each['forwarder']}: {state}, {each['delivered']:,} delivered, {each['behind']:,} behind{aside}"
