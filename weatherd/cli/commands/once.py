"""``weatherd once``: every city, one time."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from typing import TYPE_CHECKING, Literal

import typer

from weatherd import formatting
from weatherd.cli.exit_codes import OK, UNAVAILABLE
from weatherd.cli.options import warn_of_rows_set_aside
from weatherd.daemon.wiring import open_with_state, utc_now
from weatherd.observation import FetchedObservation
from weatherd.polling.fetch import fetch_city

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.city import City
    from weatherd.config.loader import Configuration

Format = Literal["text", "json", "csv"]


def once(configuration: Configuration, style: Format) -> int:
    """Poll every city, print what came in the list's order, and name the cities that failed on standard error."""
    outcomes = asyncio.run(_poll(configuration))
    arrivals = [arrival for arrival, _ in outcomes.values() if arrival]
    _print(arrivals, style, configuration.settings.console.format)
    for city, (_, error) in outcomes.items():
        if error:
            typer.echo(f"{city.name}: {error}", err=True)
    return UNAVAILABLE if any(error for _, error in outcomes.values()) else OK


async def _poll(configuration: Configuration) -> dict[City, tuple[FetchedObservation | None, Exception | None]]:
    async with open_with_state(configuration) as providers:
        configuration = providers.require_usable(configuration)
        warn_of_rows_set_aside(configuration)

        async def one(city: City) -> tuple[FetchedObservation | None, Exception | None]:
            outcome = await fetch_city(city, city.providers, providers.usable, lambda: utc_now().timestamp())
            if outcome.observation is None:
                return None, outcome.reason
            arrival = FetchedObservation(city, outcome.observation, stale=outcome.is_stale)
            return arrival, outcome.reason if outcome.is_stale else None

        async with asyncio.TaskGroup() as polls:
            tasks = {city: polls.create_task(one(city)) for city in configuration.cities}
        return {city: task.result() for city, task in tasks.items()}


def _print(arrivals: Sequence[FetchedObservation], style: Format, template: str) -> None:
    rows = [
        {"name": arrival.city.name, **formatting.to_dict(arrival.observation), "stale": arrival.stale}
        for arrival in arrivals
    ]
    match style:
        case "text":
            for arrival in arrivals:
                typer.echo(formatting.format_line(template, arrival))
        case "json":
            typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        case "csv":
            writer = csv.DictWriter(sys.stdout, (*formatting.TEMPLATE_FIELDS, "stale"), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
