"""The command line of what reads the journal."""
# ruff: noqa: D301 - the mark backslash-b keeps the lines of the examples as they are

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer looks at it
from typing import Annotated, Literal

import typer

from weatherd.cli.options import Config, load

Since = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="How long ago (24h), or a date.")]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="The same, for the end; else now.")]


def history(
    city: Annotated[str, typer.Argument(help="Its name or id.")],
    config: Config = None,
    since: Annotated[str, typer.Option("--since", metavar="WHEN", help="How long ago (24h), or a date.")] = "24h",
    until: Until = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["text", "json", "csv"], typer.Option("--format", "-f", help="How to print it.")
    ] = "text",
) -> int:
    """Show what was observed in a city: low, high and mean, in its own time zone.

    \b
    Examples:
      weatherd history Kiel
      weatherd history Kiel --since 7d
      weatherd history Kiel --since 2026-01-01 --until 2026-02-01 --format csv > january.csv
    """
    from weatherd.cli.commands.history import history  # noqa: PLC0415

    return history(load(config), city, since, until, format)


def export(  # noqa: PLR0917 - an option each
    cities: Annotated[list[str] | None, typer.Argument(metavar="[CITY ...]", help="Names or ids; else all.")] = None,
    config: Config = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["csv", "jsonl", "parquet"], typer.Option("--format", "-f", help="How to write it.")
    ] = "csv",
    since: Since = None,
    until: Until = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to; else standard output.")
    ] = None,
) -> int:
    """Write all observations, or some, as CSV, JSON lines or Parquet, in the order in which they arrived.

    \b
    Examples:
      weatherd export > all.csv
      weatherd export --format jsonl --since 7d Kiel Berlin
      weatherd export --format parquet --output weather.parquet
    """
    from weatherd.cli.commands.export import export  # noqa: PLC0415

    return export(load(config), format, since, until, cities or (), output)
