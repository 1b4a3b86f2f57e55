"""``weatherd init``: write the settings and the list of cities of a new user."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weatherd.cli.commands.cities.add import build_row
from weatherd.cli.commands.cities.new_files import create_files, find_user_folder
from weatherd.cli.commands.cities.place_search import find_places
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import ArgumentError, ConfigFile
from weatherd.cli.terminal import print_text
from weatherd.text.units import ReaderUnits

if TYPE_CHECKING:
    from weatherd.config.settings import Settings
    from weatherd.providers.open_meteo.geocoding import FoundPlace


def init(
    config: ConfigFile = None,
    city: Annotated[
        list[str] | None, typer.Option("--city", metavar="NAME", help="A city to watch; may be repeated.")
    ] = None,
    units: Annotated[
        ReaderUnits, typer.Option(metavar="UNITS", help="Units of what you read: metric, us or uk.")
    ] = "metric",
) -> int:
    """Write your settings and your list of cities: both files, in ~/.config/weatherd or beside --config.

    Files that exist are not changed. Each city is searched for, and the likeliest place is taken; without --city, the
    list has three examples. Exit code 64 if both files exist.

    \b
    Examples:
      weatherd init --city Kiel --city "New York"
      weatherd init --city Chicago --units us
      weatherd init --config ./config/weatherd.yaml
    """
    from weatherd.config import loader

    file = config or find_user_folder() / loader.SETTINGS_FILE_NAME
    settings = loader.load_settings(loader.SHIPPED_SETTINGS, os.environ)
    rows = [_find_row(settings, name) for name in city or ()] or _read_examples()
    if not create_files(file, rows, units):
        raise ArgumentError("there is nothing to create; edit the files, or add cities with weatherd cities add NAME")
    used = loader.find_settings_file(None, os.environ)
    is_used = os.path.realpath(used) == os.path.realpath(file)
    if not is_used and not config:
        print_text(f"here, {used} is used instead; pass --config {file}", err=True)
    option = "" if is_used else f" --config {file}"
    print_text(f"next: weatherd check{option}, then weatherd run{option}")
    return ExitCode.OK


def _find_row(settings: Settings, name: str) -> dict[str, Any]:
    """Return the row of the likeliest place with this name, and print which one that is."""
    print_text(f"searching for {name} …", err=True)
    places = find_places(settings, name)
    print_text(f"found {_describe_place(places[0], len(places))}", err=True)
    return build_row(places[0])


def _describe_place(place: FoundPlace, count: int) -> str:
    where = ", ".join(filter(None, (place.name, place.region, place.country)))
    others = f"; weatherd cities search {place.name!r} lists {count - 1} more" if count > 1 else ""
    return f"{where}{others}"


def _read_examples() -> list[dict[str, Any]]:
    """Return the rows of the shipped list."""
    from weatherd.config import loader
    from weatherd.config.yaml import reader

    file = loader.SHIPPED_SETTINGS.parent / "cities.yaml"
    return list(reader.parse_yaml(reader.read_text(file), str(file))["cities"])
