"""``weatherd once``: every city, one time."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from typing import TYPE_CHECKING, Literal

import typer

from weatherd import formats
from weatherd.commands import OK, UNAVAILABLE
from weatherd.commands.loading import warn_of_rows_set_aside
from weatherd.compose import open_providers
from weatherd.errors import ProviderError
from weatherd.observation import Arrival
from weatherd.producer import ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.city import City
    from weatherd.configuration import Configuration

Format = Literal["text", "json", "csv"]


def once(configuration: Configuration, style: Format) -> int:
    """Poll every city, print what came in the list's order, and name the cities that failed on standard error."""
    outcomes = asyncio.run(_poll(configuration))
    arrivals = [outcome for _, outcome in outcomes if isinstance(outcome, Arrival)]
    _print(arrivals, style, configuration.settings.console.format)
    for city, outcome in outcomes:
        if isinstance(outcome, ProviderError):
            typer.echo(f"{city.name}: {outcome}", err=True)
    return OK if len(arrivals) == len(outcomes) else UNAVAILABLE


async def _poll(configuration: Configuration) -> list[tuple[City, Arrival | ProviderError]]:
    async with open_providers(configuration.settings) as providers:
        configuration = providers.require(configuration)
        warn_of_rows_set_aside(configuration)

        async def one(city: City) -> Arrival | ProviderError:
            try:
                return Arrival(city, await ask(city, providers.usable))
            except ProviderError as error:
                return error

        async with asyncio.TaskGroup() as polls:
            tasks = [(city, polls.create_task(one(city))) for city in configuration.cities]
        return [(city, task.result()) for city, task in tasks]


def _print(arrivals: Sequence[Arrival], style: Format, template: str) -> None:
    rows = [{"name": arrival.city.name, **formats.plain(arrival.observation)} for arrival in arrivals]
    match style:
        case "text":
            for arrival in arrivals:
                typer.echo(formats.line(template, arrival))
        case "json":
            typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        case "csv":
            writer = csv.DictWriter(sys.stdout, formats.NAMES, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
