"""``weatherd cities``: list, search, add and remove cities."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import TYPER_SETTINGS, Command, ConfigFile, load_user_configuration, warn_of_quarantined_rows
from weatherd.cli.terminal import print_text
from weatherd.errors import ConfigError, Problem, WeatherdError, did_you_mean
from weatherd.name_folding import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.city import City
    from weatherd.config.loader import Configuration
    from weatherd.config.settings import Settings
    from weatherd.providers.open_meteo.geocoding import FoundPlace

_HELP = """Manage the city list; comments and order are preserved.

\b
Examples:
  weatherd cities list
  weatherd cities add Flensburg
"""
cities = typer.Typer(help=_HELP, **TYPER_SETTINGS)


@cities.callback()
def share_config_option(config: ConfigFile = None) -> None:
    """Accept ``--config`` before the subcommand."""


@cities.command("list", cls=Command)
def list_cities(config: ConfigFile = None) -> int:
    """List the cities: id, name, coordinates, interval and providers.

    Quarantined rows are listed on standard error.

    \b
    Examples:
      weatherd cities list
      weatherd cities list --config /etc/weatherd/weatherd.yaml
    """
    from weatherd.cli.screen import find_width, open_console, print_lines
    from weatherd.cli.table import Column, format_table
    from weatherd.duration import format_duration

    configuration = load_user_configuration(config)
    found = configuration.cities
    columns = [
        Column("id", [city.id for city in found]),
        Column("name", [city.name for city in found], rank=1, min_width=12),
        Column("lat", [f"{city.lat:.4f}" for city in found], rank=4, is_number=True),
        Column("lon", [f"{city.lon:.4f}" for city in found], rank=4, is_number=True),
        Column("interval", [format_duration(city.interval) for city in found], rank=3),
        Column("providers", [", ".join(city.providers) for city in found], rank=2, min_width=10),
    ]
    console = open_console()
    print_lines(console, format_table(columns, find_width(console)))
    warn_of_quarantined_rows(configuration)
    return ExitCode.OK


@cities.command("search", cls=Command)
def search_city(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The city's name.")], config: ConfigFile = None
) -> int:
    """Search for places by name: coordinates, population, region and country.

    \b
    Examples:
      weatherd cities search Springfield
    """
    _print_matches(_search(load_user_configuration(config).settings, name))
    return ExitCode.OK


@cities.command("add", cls=Command)
def add_city(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The city's name.")],
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
) -> int:
    """Add a city at the end of the list.

    \b
    Examples:
      weatherd cities add Frankfurt --pick 2
      weatherd cities add "Weather station" --lat 54.33 --lon 10.18
    """
    from weatherd.config.city_list import list_files
    from weatherd.config.yaml import atomic_write, editor, reader

    if (lat is None) != (lon is None):
        raise typer.BadParameter("--lat and --lon go together")
    configuration = load_user_configuration(config)
    file = _require_editable(list_files(configuration.list_path)[-1])
    if lat is not None and lon is not None:
        city = _make_city(name, lat, lon)
    else:
        match = _choose_match(_search(configuration.settings, name), pick)
        city = _make_city(match.name, round(match.lat, 5), round(match.lon, 5))
    existing = next((row for row in _list_rows(configuration) if {row.name, row.id} & {city.name, city.id}), None)
    if existing:
        raise ConfigError(Problem(existing.where, f"{city.name!r} is already in the list (id {city.id!r})"))
    row = {"name": city.name, "lat": city.lat, "lon": city.lon}
    atomic_write.write_atomically(file, editor.append_row(reader.read_text(file), "cities", row, str(file)))
    print_text(f"added {city.name} ({city.lat}, {city.lon}) to {file}")
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

    configuration = load_user_configuration(config)
    matches = _find_removable(configuration, name.strip())
    list_path = str(configuration.list_path)
    if not matches:
        known = [known for city in configuration.cities for known in (city.name, city.id)]
        raise ConfigError(Problem(list_path, f"{name!r} is not in the list{did_you_mean(name, known)}"))
    if len(matches) > 1:
        where = ", ".join(row.where for row in matches)
        message = f"{name!r} is in the list more than once: {where}; remove it by its id, or edit the file"
        raise ConfigError(Problem(list_path, message))
    row = matches[0]
    text = editor.remove_row(reader.read_text(row.file), "cities", row.position, str(row.file))
    atomic_write.write_atomically(_require_editable(row.file), text)
    print_text(f"removed {name} from {row.file}")
    return ExitCode.OK


def _make_city(name: str, lat: float, lon: float) -> City:
    """Return the city as the list would load it. Raises typer.BadParameter if the list would quarantine it."""
    from pydantic import TypeAdapter, ValidationError

    from weatherd.city import City
    from weatherd.config.messages import explain_error

    try:
        return TypeAdapter(City).validate_python({"name": name, "lat": lat, "lon": lon})
    except ValidationError as error:
        raise typer.BadParameter(explain_error(error.errors(include_url=False)[0], ())) from None


def _search(settings: Settings, name: str) -> list[FoundPlace]:
    from weatherd.daemon.wiring import USER_AGENT
    from weatherd.http.session import open_session
    from weatherd.providers.open_meteo import geocoding

    section = settings.open_meteo
    base_url = section.geocoding_url or section.base_url or geocoding.GEOCODING_URL

    async def search() -> list[FoundPlace]:
        async with open_session(USER_AGENT, ca_file=settings.tls.ca_file) as session:
            return await geocoding.search_places(session, base_url, name)

    matches = asyncio.run(search())
    if not matches:
        raise WeatherdError(f"no place named {name!r} was found; add it with --lat and --lon")
    return matches


def _choose_match(matches: Sequence[FoundPlace], pick: int | None) -> FoundPlace:
    """Return match number *pick*, counted from 1; by default the first one, after printing all matches."""
    if pick is not None and not 1 <= pick <= len(matches):
        raise typer.BadParameter(f"--pick {pick}: should be between 1 and {len(matches)}, the number of matches")
    if pick is None and len(matches) > 1:
        _print_matches(matches, err=True)
        print_text("Using the first match. Use --pick N to choose another.", err=True)
    return matches[(pick or 1) - 1]


def _print_matches(matches: Sequence[FoundPlace], *, err: bool = False) -> None:
    from weatherd.cli.screen import find_width, open_console, print_lines
    from weatherd.cli.table import Column, format_table

    columns = [
        Column("N", [f"{number}" for number in range(1, len(matches) + 1)], is_number=True),
        Column("name", [match.name for match in matches], min_width=12),
        Column("lat", [f"{match.lat:.4f}" for match in matches], rank=2, is_number=True),
        Column("lon", [f"{match.lon:.4f}" for match in matches], rank=2, is_number=True),
        Column(
            "population",
            [f"{match.population:,}" if match.population else "–" for match in matches],
            rank=3,
            is_number=True,
        ),
        Column(
            "region",
            [", ".join(filter(None, (match.region, match.country))) for match in matches],
            rank=1,
            min_width=12,
        ),
    ]
    console = open_console(stderr=err)
    print_lines(console, format_table(columns, find_width(console)))


class _Row(NamedTuple):
    file: Path
    position: int
    where: str  # file:line:column
    name: str | None  # None if missing or not text
    id: str | None


def _list_rows(configuration: Configuration) -> Iterator[_Row]:
    """Yield the rows of all files of the list, valid or quarantined."""
    from weatherd.city import make_slug
    from weatherd.config.city_list import list_files
    from weatherd.config.yaml import reader

    for file in list_files(configuration.list_path):
        rows = reader.parse_yaml(reader.read_text(file), str(file))["cities"]
        for index, row in enumerate(rows):
            if isinstance(row, dict):
                where = reader.format_position(str(file), rows.value_positions[index])
                name = _strip_text(row.get("name"))
                city_id = _strip_text(row.get("id") or (name and make_slug(name)))
                yield _Row(file, index, where, name, city_id)


def _find_removable(configuration: Configuration, name: str) -> list[_Row]:
    """Return the rows with the id *name*, or else those with this name, ignoring case."""
    rows = list(_list_rows(configuration))
    with_id = [row for row in rows if row.id == name]
    return with_id or [row for row in rows if row.name and fold_name(row.name) == fold_name(name)]


def _strip_text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) else None


def _require_editable(file: Path) -> Path:
    """Return *file*. Raises ConfigError for the list in an installed package; in a source checkout it may be edited."""
    from weatherd.config.loader import SHIPPED_SETTINGS

    shipped = SHIPPED_SETTINGS.parent
    if file.resolve().is_relative_to(shipped) and Path("config").resolve() != shipped:
        message = f"this list is part of the weatherd installation: copy {shipped} to ~/.config/weatherd or ./config"
        raise ConfigError(Problem("", f"{message} and edit the copy"))
    return file
