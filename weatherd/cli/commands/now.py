"""``weatherd now``: the weather of one city on a card, also of a place that is not in the list."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import ConfigFile, DaemonUrl
from weatherd.cli.terminal import print_formatted, print_text


def now(
    name: Annotated[list[str], typer.Argument(metavar="NAME", help="A city's name or id, or any place's name.")],
    config: ConfigFile = None,
    url: DaemonUrl = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["card", "line", "json"],
        typer.Option("--format", "-f", metavar="FORMAT", help="The output format: card, line or json."),
    ] = "card",
) -> int:
    """Show the weather of one city: weatherd Kiel is the same as weatherd now Kiel.

    It comes from the running daemon; without one, or for a place that is not in the list, the city is polled once.
    Exit code 69 if there is no such place or no response.

    \b
    Examples:
      weatherd now New York
      weatherd Kiel
      weatherd Kiel --format line
    """
    from weatherd.cli.card.lookup import WeatherLookup

    lookup = WeatherLookup.open(config, url)
    found = lookup.find(" ".join(name))
    settings = lookup.settings
    match format:
        case "card":
            from weatherd.cli.card.layout import format_card
            from weatherd.cli.screen import find_width, open_console, print_lines

            console = open_console()
            lines = format_card(found, settings.display, datetime.now(UTC), find_width(console))
            print_lines(console, lines)
        case "line":
            from weatherd.formatting import LineTemplate
            from weatherd.observation import FetchedObservation

            line = LineTemplate(settings.console.format, settings.display)
            print_formatted(line.format(FetchedObservation(found.city, found.observation, stale=found.is_stale)))
        case "json":
            print_text(json.dumps(found.build_document(), ensure_ascii=False, indent=2))
    return ExitCode.OK
