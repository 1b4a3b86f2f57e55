"""``weatherd cities add`` and ``import``: new rows at the end of the city list."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weatherd.cli.commands.cities.list_rows import ListedCity, ListRows, find_file_to_extend, read_rows, validate_row
from weatherd.cli.commands.cities.new_files import load_or_create_settings
from weatherd.cli.commands.cities.place_search import choose_match, find_places
from weatherd.cli.commands.cities.places_file import ForeignCity, parse_places_file
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import ConfigFile, load_user_settings, parse_tags
from weatherd.cli.terminal import print_text
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.city import City
    from weatherd.providers.open_meteo.geocoding import FoundPlace

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the rows; change nothing.")]


def add_city(  # noqa: PLR0917 - one parameter per option
    place: Annotated[str, typer.Argument(metavar="NAME", help="The city's name, which is searched for.")],
    config: ConfigFile = None,
    lat: Annotated[
        float | None,
        typer.Option(
            metavar="DEGREES", min=-90, max=90, help="Latitude in degrees; with it, the name is not searched for."
        ),
    ] = None,
    lon: Annotated[
        float | None, typer.Option(metavar="DEGREES", min=-180, max=180, help="Longitude in degrees.")
    ] = None,
    pick: Annotated[
        int | None, typer.Option(metavar="N", help="Number of the match to add, as shown by search.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The name to display.")] = None,
    city_id: Annotated[str | None, typer.Option("--id", metavar="ID", help="Default: made from the name.")] = None,
    interval: Annotated[str | None, typer.Option(metavar="DURATION", help="Time between two polls.")] = None,
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="Such as Europe/Berlin.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Such as region=north; may be repeated.")
    ] = None,
    dry_run: DryRun = False,  # noqa: FBT002
) -> int:
    """Add a city at the end of the list, or of its last YAML file if there are several.

    The row has the time zone and the altitude of the place that was found. If several places have the name, you are
    asked which one; without a terminal, that is exit code 64. If there are no files of your own, both are created.

    \b
    Examples:
      weatherd cities add Frankfurt --pick 2
      weatherd cities add "Weather station" --lat 54.33 --lon 10.18
      weatherd cities add Oslo --pick 1 --interval 5m --tag region=north
    """
    from weatherd.config import loader

    if (lat is None) != (lon is None):
        raise typer.BadParameter("--lat and --lon go together")
    if lat is not None and pick is not None:
        raise typer.BadParameter("--pick chooses a match of the search, which --lat and --lon replace")
    options = {"id": city_id, "interval": interval, "timezone": timezone, "tags": parse_tags(tag or ())}
    region = ""
    if lat is not None and lon is not None:
        row: dict[str, Any] = {"name": name or place, "lat": lat, "lon": lon}
    else:
        # Before files are created: without a match they would have no city, and would replace the demo's settings
        match = choose_match(find_places(load_user_settings(config)[1], place), pick)
        row, region = build_row(match) | ({"name": name} if name else {}), match.region
    row |= {key: value for key, value in options.items() if value}
    city = validate_row(row)
    settings_file, settings = load_or_create_settings(config, creates=not dry_run)
    list_paths = loader.find_list_paths(settings_file, settings)
    file = find_file_to_extend(list_paths)
    rows = ListRows(read_rows(list_paths))
    if city_id and (taken := next(iter(rows.find_id(city.id)), None)):
        raise ConfigError(Problem(taken.where, f"the id {taken.id!r} is already in use, by {taken.name!r}"))
    if not city_id and (known := rows.find_same(city)):
        raise ConfigError(Problem(known.where, f"{city.name!r} is already in the list (id {known.id!r})"))
    row = with_free_id(row, city, rows, region)
    _append(file, [row], is_dry_run=dry_run)
    if not dry_run:
        print_text(f"added {city.name} ({city.lat}, {city.lon}) to {file}, with the id {row.get('id', city.id)}")
    return ExitCode.OK


def import_cities(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, GeoJSON, or OpenWeatherMap's city list.")],
    config: ConfigFile = None,
    dry_run: DryRun = False,  # noqa: FBT002
) -> int:
    """Add the cities of another program's file to the list.

    CSV needs a heading with name, lat and lon (or latitude, lng, longitude); id, interval, timezone, altitude and tags
    (tags.region) are optional, and other columns are ignored. A city that is in the list is skipped. Exit code 78 if a
    row is invalid; the others are added.

    \b
    Examples:
      weatherd cities import places.csv --dry-run
      weatherd cities import stations.geojson
    """
    from weatherd.config import loader
    from weatherd.config.yaml import reader

    text = reader.read_text(source).removeprefix(reader.BOM)
    settings_file, settings = load_or_create_settings(config, creates=not dry_run)
    list_paths = loader.find_list_paths(settings_file, settings)
    file = find_file_to_extend(list_paths)
    rows = ListRows(read_rows(list_paths))
    added: list[dict[str, Any]] = []
    skipped, rejected = 0, 0
    for foreign in parse_places_file(text, str(source)):
        try:
            city = validate_row(foreign.row)
        except typer.BadParameter as error:
            rejected += 1
            print_text(f"{foreign.where}: {_quote_name(foreign)}{error}", err=True)
            continue
        if rows.find_same(city):
            skipped += 1
            continue
        row = with_free_id(foreign.row, city, rows, foreign.region)
        rows.add(ListedCity(source, 0, foreign.where, city.name, row.get("id", city.id), city.lat, city.lon))
        added.append(row)
    _append(file, added, is_dry_run=dry_run)
    print_text(f"added {len(added):,}, in the list already {skipped:,}, invalid {rejected:,}", err=dry_run)
    return ExitCode.CONFIG if rejected else ExitCode.OK


def build_row(match: FoundPlace) -> dict[str, Any]:
    """Return the row of a place that was found. A time zone that this machine does not know is left out."""
    from weatherd.city import is_zone

    row: dict[str, Any] = {"name": match.name, "lat": round(match.lat, 5), "lon": round(match.lon, 5)}
    if is_zone(match.timezone):
        row["timezone"] = match.timezone
    if match.altitude is not None:
        row["altitude"] = round(match.altitude, 1)
    return row


def _quote_name(foreign: ForeignCity) -> str:
    name = foreign.row.get("name")
    return f"{name!r}: " if isinstance(name, str) else ""


def with_free_id(row: dict[str, Any], city: City, rows: ListRows, region: str) -> dict[str, Any]:
    """Return *row* with an id if the one from its name is taken by a city elsewhere."""
    city_id = rows.choose_id(city.id, region)
    return row if city_id == city.id else {**row, "id": city_id}


def _append(file: Path, added: Sequence[dict[str, Any]], *, is_dry_run: bool) -> None:
    """Append rows to a file of the list, or print them."""
    from weatherd.config.yaml import atomic_write, editor, reader

    text = editor.append_rows(reader.read_text(file), "cities", added, str(file)) if added else ""
    if is_dry_run:
        for row in added:
            print_text(f"- {editor.format_flow(row)}")
    elif added:
        atomic_write.write_atomically(file, text)
