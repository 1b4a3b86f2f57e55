"""``weatherd cities``: list, search, add, rename, import and remove cities."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from weatherd.cli.commands.cities.add import add_city, import_cities
from weatherd.cli.commands.cities.keep_ids import keep_ids
from weatherd.cli.commands.cities.list_rows import find_row, require_editable
from weatherd.cli.commands.cities.place_search import find_places, print_matches
from weatherd.cli.commands.cities.rename import rename_city
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import (
    TYPER_SETTINGS,
    Command,
    ConfigFile,
    OutputFormat,
    load_user_configuration,
    warn_of_quarantined_rows,
)
from weatherd.cli.terminal import print_text, write_csv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.city import City

_HELP = """Manage the city list; comments and order are preserved.

\b
Examples:
  weatherd cities list
  weatherd cities add Flensburg
  weatherd cities import places.csv
"""
cities = typer.Typer(help=_HELP, **TYPER_SETTINGS)


@cities.callback()
def share_config_option(config: ConfigFile = None) -> None:
    """Accept ``--config`` before the subcommand."""


@cities.command("list", cls=Command)
def list_cities(config: ConfigFile = None, format: OutputFormat = "text") -> int:  # noqa: A002 - the option's name
    """List the cities: id, name, coordinates, interval, providers, time zone and tags.

    Quarantined rows are listed on standard error.

    \b
    Examples:
      weatherd cities list
      weatherd cities list --config /etc/weatherd/weatherd.yaml
    """
    from weatherd.cli.screen import find_width, open_console, print_lines
    from weatherd.cli.table import Column, format_table
    from weatherd.text.auto_interval import format_interval

    configuration = load_user_configuration(config)
    warn_of_quarantined_rows(configuration)
    found = configuration.cities
    if format != "text":
        _print_rows(found, format)
        return ExitCode.OK
    columns = [
        Column("id", [city.id for city in found], min_width=20),
        Column("name", [city.name for city in found], rank=1, min_width=12),
        Column("lat", [f"{city.lat:z.4f}" for city in found], rank=4, is_number=True),
        Column("lon", [f"{city.lon:z.4f}" for city in found], rank=4, is_number=True),
        Column("interval", [format_interval(city.interval) for city in found], rank=3),
        Column("providers", [", ".join(city.providers) for city in found], rank=2, min_width=10),
    ]
    if any(city.timezone for city in found):
        columns.append(Column("timezone", [city.timezone or "–" for city in found], rank=5))
    if any(city.tags for city in found):
        tags = [", ".join(map("=".join, city.tags)) or "–" for city in found]
        columns.append(Column("tags", tags, rank=5, min_width=10))
    console = open_console()
    print_lines(console, format_table(columns, find_width(console)))
    return ExitCode.OK


def _print_rows(found: Sequence[City], style: Literal["json", "csv"]) -> None:
    """Print all values of the rows; in CSV a column for each tag, so that it could be a list itself."""
    from weatherd.text.auto_interval import AutoInterval, format_interval

    keys = ("id", "name", "lat", "lon", "interval", "timezone", "altitude", "backfill", "station")
    rows: list[dict[str, Any]] = [
        {key: getattr(city, key) for key in keys}
        | {"providers": city.providers, "warnings": city.warnings, "compare": city.compare}
        for city in found
    ]
    for row, city in zip(rows, found, strict=True):
        if isinstance(city.interval, AutoInterval):
            row["interval"] = format_interval(city.interval)
    if style == "json":
        rows = [row | {"tags": dict(city.tags)} for row, city in zip(rows, found, strict=True)]
        print_text(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    columns = dict.fromkeys(f"tags.{key}" for city in found for key, _ in city.tags)
    flat = [
        row | _join_names(city) | columns | {f"tags.{key}": value for key, value in city.tags}
        for row, city in zip(rows, found, strict=True)
    ]
    write_csv(sys.stdout, (*keys, "providers", "warnings", "compare", *columns), flat)


def _join_names(city: City) -> dict[str, str]:
    warnings = city.warnings if isinstance(city.warnings, str) else " ".join(city.warnings)
    return {"providers": " ".join(city.providers), "warnings": warnings, "compare": " ".join(city.compare)}


@cities.command("search", cls=Command)
def search_city(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The city's name.")], config: ConfigFile = None
) -> int:
    """Search for places by name: coordinates, population, region and country.

    \b
    Examples:
      weatherd cities search Springfield
    """
    print_matches(find_places(load_user_configuration(config).settings, name))
    return ExitCode.OK


@cities.command("remove", cls=Command)
def remove_city(
    name: Annotated[str, typer.Argument(metavar="CITY", help="The city's name or id.")], config: ConfigFile = None
) -> int:
    """Remove a city from the list, also if its row is quarantined.

    \b
    Examples:
      weatherd cities remove Kiel
      weatherd cities remove sao-paulo
    """
    from weatherd.config.yaml import atomic_write, editor, reader

    row = find_row(load_user_configuration(config), name)
    file = require_editable(row.file, row.where)
    text = editor.remove_row(reader.read_text(file), "cities", row.position, str(file))
    atomic_write.write_atomically(file, text)
    print_text(f"removed {name} from {row.file}")
    return ExitCode.OK


cities.command("add", cls=Command)(add_city)
cities.command("rename", cls=Command)(rename_city)
cities.command("keep-ids", cls=Command)(keep_ids)
cities.command("import", cls=Command)(import_cities)
