"""``weatherd init``: write the settings and the list of cities of a new user."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weatherd.cli.commands.cities.add import build_row, with_free_id
from weatherd.cli.commands.cities.list_rows import ListedCity, ListRows, validate_row
from weatherd.cli.commands.cities.new_files import LIST_FILE, create_files, find_user_folder, is_missing
from weatherd.cli.commands.cities.place_search import find_places
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import ArgumentError, ConfigFile
from weatherd.cli.terminal import print_text
from weatherd.text.units import ReaderUnits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.config.settings import Settings
    from weatherd.providers.open_meteo.geocoding import FoundPlace


def init(
    config: ConfigFile = None,
    city: Annotated[
        list[str] | None, typer.Option("--city", metavar="NAME", help="A city to watch; may be repeated.")
    ] = None,
    units: Annotated[
        ReaderUnits | None, typer.Option(metavar="UNITS", help="Units of what you read: metric, us or uk.")
    ] = None,
) -> int:
    """Write your settings and your list of cities: both files, in ~/.config/weatherd or beside --config.

    Files that exist are not changed. Each city is searched for, and the likeliest place is taken; without --city, the
    list has three examples. Exit code 64 if both files exist, or the one that --city or --units is for.

    \b
    Examples:
      weatherd init --city Kiel --city "New York"
      weatherd init --city Chicago --units us
      weatherd init --config ./config/weatherd.yaml
    """
    from weatherd.cli.demo.running import find_demo_settings
    from weatherd.config import loader

    file = config or find_user_folder() / loader.SETTINGS_FILE_NAME
    if city:
        _require_missing(file.parent / LIST_FILE, "add cities with weatherd cities add NAME")
    if units:
        _require_missing(file, f"write 'units: {units}' into it")
    shipped = loader.SHIPPED_SETTINGS
    settings = loader.load_settings(shipped, os.environ, **find_demo_settings(shipped))  # beside a demo, its gazetteer
    rows = _find_rows(settings, city) if city else _read_examples()
    if not create_files(file, rows, units or "metric"):
        raise ArgumentError("there is nothing to create; edit the files, or add cities with weatherd cities add NAME")
    used = loader.find_settings_file(None, os.environ)
    is_used = os.path.realpath(used) == os.path.realpath(file)
    if not is_used and not config:
        print_text(f"here, {used} is used instead; pass --config {file}", err=True)
    option = "" if is_used else f" --config {file}"
    print_text(f"next: weatherd check{option}, then weatherd run{option}")
    return ExitCode.OK


def _require_missing(file: Path, advice: str) -> None:
    """Raise ArgumentError if a file exists, because what the user asked for would not be in it."""
    if not is_missing(file):
        raise ArgumentError(f"{file} exists and is not changed; {advice}")


def _find_rows(settings: Settings, names: Iterable[str]) -> list[dict[str, Any]]:
    """Return a row for the likeliest place with each name; a place with two of the names has one row."""
    rows: list[dict[str, Any]] = []
    listed = ListRows([])
    for name in names:
        place = _find_place(settings, name)
        city = validate_row(build_row(place))
        if not listed.find_same(city):
            row = with_free_id(build_row(place), city, listed, place.region)
            listed.add(ListedCity(Path(), 0, "", city.name, row.get("id", city.id), city.lat, city.lon))
            rows.append(row)
    return rows


def _find_place(settings: Settings, name: str) -> FoundPlace:
    """Return the likeliest place with this name, and print which one that is."""
    print_text(f"searching for {name} …", err=True)
    places = find_places(settings, name)
    print_text(f"found {_describe_place(places[0], len(places))}", err=True)
    return places[0]


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
