"""``weatherd history``: what the journal knows of a city."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sys
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Literal

import typer
from rich.console import Console
from rich.table import Table

from weatherd.cli.commands import history_table as cut
from weatherd.cli.exit_codes import OK, USAGE
from weatherd.cli.lookup import moment
from weatherd.errors import did_you_mean
from weatherd.formatting import to_dict
from weatherd.journal import state_folder
from weatherd.journal.reader import Reader
from weatherd.journal.store import JOURNAL_FILE
from weatherd.observation import FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weatherd.cli.commands.history_table import Span
    from weatherd.config.loader import Configuration
    from weatherd.observation import Observation

Format = Literal["text", "json", "csv"]

_ROWS, _WIDTH = 24, 60  # of the table, of the line above it


@dataclass(frozen=True, slots=True)
class Place:
    """A city that was watched."""

    id: str
    name: str
    zone: tzinfo


def history(configuration: Configuration, name: str, since: str, until: str | None, style: Format) -> int:
    """Print what was observed in a city, in its own time zone; raises StateError when there is no journal."""
    with contextlib.closing(Reader(journal_of(configuration))) as reader:
        where = place(configuration, name, reader)
        now = datetime.now(UTC)
        begin, end = between(since, until, now, where.zone)
        if begin is None or end is None or begin >= end:
            typer.echo("weatherd: --since should lie before --until", err=True)
            return USAGE
        found = reader.read_city(where.id, begin, end)
    match style:
        case "text":
            _print(where, found, begin, end)
        case "json":
            typer.echo(json.dumps([to_dict(each) for each in found], ensure_ascii=False, indent=2))
        case "csv":
            writer = csv.DictWriter(sys.stdout, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(map(to_dict, found))
    return OK


def journal_of(configuration: Configuration) -> Path:
    """Return where the journal is."""
    return state_folder.find_state_folder(configuration.settings.state, configuration.file, os.environ) / JOURNAL_FILE


def between(
    since: str | None, until: str | None, now: datetime, zone: tzinfo = UTC
) -> tuple[datetime | None, datetime | None]:
    """Return both moments; typer's error for what is none."""
    try:
        return moment(since, now, zone) if since else None, moment(until, now, zone) if until else now
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def place(configuration: Configuration, name: str, reader: Reader) -> Place:
    """Find a city by its name or id: on the list, or, when it has left that, in the journal."""
    for city in configuration.cities:
        if name.casefold() in (city.name.casefold(), city.id):
            return Place(city.id, city.name, zoneinfo.ZoneInfo(city.timezone) if city.timezone else UTC)
    kept = reader.list_cities()
    if name in kept:
        return Place(name, name, UTC)
    known = [word for city in configuration.cities for word in (city.name, city.id)]
    raise typer.BadParameter(f"no city is called {name!r}{did_you_mean(name, [*known, *kept])}")


def _print(place: Place, found: Sequence[Observation], begin: datetime, end: datetime) -> None:
    begin, end = begin.astimezone(place.zone), end.astimezone(place.zone)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{place.name}: {begin:%d %b %Y %H:%M} to {end:%d %b %Y %H:%M %Z}", style="bold", markup=False)
    if not found:
        console.print("no observation")
        return
    fine = cut.spans(found, begin.astimezone(UTC), end.astimezone(UTC), (end - begin) / _WIDTH)
    console.print(cut.sparkline(fine), style="cyan")
    low = min(found, key=lambda each: each.temperature)
    high = max(found, key=lambda each: each.temperature)
    mean = sum(each.temperature for each in found) / len(found)
    console.print(
        f"low {low.temperature:.1f} °C ({low.observed_at.astimezone(place.zone):%d %b %H:%M})   "
        f"high {high.temperature:.1f} °C ({high.observed_at.astimezone(place.zone):%d %b %H:%M})   "
        f"mean {mean:.1f} °C   {len(found):,} observations"
    )
    length = cut.step(begin, end, _ROWS)
    first = cut.round_down(begin, length).astimezone(UTC)
    console.print(_table(cut.spans(found, first, end.astimezone(UTC), length), place.zone))


def _table(spans: Sequence[Span], zone: tzinfo) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("from")
    for name in ("low", "mean", "high"):
        table.add_column(f"{name} °C", justify="right")
    table.add_column("weather")
    table.add_column("observations", justify="right")
    for span in spans:
        values = [f"{value:.1f}" if value is not None else "–" for value in (span.low, span.mean, span.high)]
        table.add_row(
            f"{span.begin.astimezone(zone):%a %d %b %H:%M}", *values, span.description or "–", f"{span.count or '–'}"
        )
    return table
