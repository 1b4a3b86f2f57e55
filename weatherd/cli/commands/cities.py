"""``weatherd cities``: keep the list."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer
from pydantic import TypeAdapter, ValidationError

from weatherd.city import City, make_slug
from weatherd.cli.exit_codes import OK
from weatherd.cli.options import warn_of_rows_set_aside
from weatherd.config import atomic_write
from weatherd.config.city_list import list_files
from weatherd.config.loader import SHIPPED_SETTINGS
from weatherd.config.messages import explain_error
from weatherd.config.yaml import editor, reader
from weatherd.daemon.wiring import USER_AGENT
from weatherd.duration import format_duration
from weatherd.errors import ConfigError, Problem, WeatherdError, did_you_mean
from weatherd.http.session import open_session
from weatherd.providers.open_meteo import geocoding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from weatherd.config.loader import Configuration
    from weatherd.config.settings import Settings
    from weatherd.providers.open_meteo.geocoding import FoundPlace


def show(configuration: Configuration) -> int:
    """Print the list: id, name, place, interval and providers of each city; set-aside rows on standard error."""
    for city in configuration.cities:
        rest = f"{format_duration(city.interval):<6} {', '.join(city.providers)}"
        typer.echo(f"{city.id:<20} {city.name:<24} {city.lat:>9.4f} {city.lon:>10.4f}  {rest}")
    warn_of_rows_set_aside(configuration)
    return OK


def search(settings: Settings, name: str) -> int:
    """Print the places of that name."""
    _print_found(_search(settings, name))
    return OK


def add(configuration: Configuration, name: str, place: tuple[float, float] | None, pick: int | None) -> int:
    """Add a city at the end of the list: at *place*, or else where the geocoding finds it."""
    file = _own(list_files(configuration.list_path)[-1])
    if place:
        city = _city(name, *place)
    else:
        chosen = _choose(_search(configuration.settings, name), pick)
        city = _city(chosen.name, round(chosen.lat, 5), round(chosen.lon, 5))
    if taken := next(_rows(configuration, {city.name, city.id}), None):
        raise ConfigError(Problem(taken.where, f"{city.name!r} is in the list already (id {city.id!r})"))
    row = {"name": city.name, "lat": city.lat, "lon": city.lon}
    atomic_write.write_atomically(file, editor.append_row(reader.read_text(file), "cities", row, str(file)))
    typer.echo(f"added {city.name} ({city.lat}, {city.lon}) to {file}")
    return OK


def remove(configuration: Configuration, name: str) -> int:
    """Take the row of that name or id out of the list, also one that is set aside."""
    matches = list(_rows(configuration, {name}))
    if not matches:
        known = [word for city in configuration.cities for word in (city.name, city.id)]
        where = str(configuration.list_path)
        raise ConfigError(Problem(where, f"{name!r} is not in the list{did_you_mean(name, known)}"))
    if len(matches) > 1:
        places = ", ".join(row.where for row in matches)
        message = f"{name!r} stands in the list more than once: {places}; use an id, or edit the file"
        raise ConfigError(Problem(str(configuration.list_path), message))
    file, position, _ = matches[0]
    atomic_write.write_atomically(_own(file), editor.remove_row(reader.read_text(file), "cities", position, str(file)))
    typer.echo(f"removed {name} from {file}")
    return OK


def _city(name: str, lat: float, lon: float) -> City:
    """Return the city as the list will hold it; a usage error for one that it would set aside."""
    try:
        return TypeAdapter(City).validate_python({"name": name, "lat": lat, "lon": lon})
    except ValidationError as error:
        raise typer.BadParameter(explain_error(error.errors(include_url=False)[0], ())) from None


def _search(settings: Settings, name: str) -> list[FoundPlace]:
    block = settings.open_meteo
    base = block.geocoding_url or block.base_url or geocoding.GEOCODING_URL

    async def ask() -> list[FoundPlace]:
        async with open_session(USER_AGENT) as session:
            return await geocoding.search_places(session, base, name)

    found = asyncio.run(ask())
    if not found:
        raise WeatherdError(f"no place called {name!r} is known; add it by --lat and --lon")
    return found


def _choose(found: Sequence[FoundPlace], pick: int | None) -> FoundPlace:
    """Return the place with that number; the likeliest if none is given, with the others shown."""
    if pick is not None and not 1 <= pick <= len(found):
        raise typer.BadParameter(f"--pick {pick}: the number of places of that name is {len(found)}")
    if pick is None and len(found) > 1:
        _print_found(found, err=True)
        typer.echo("number 1 it is; --pick NUMBER takes another", err=True)
    return found[(pick or 1) - 1]


def _print_found(found: Sequence[FoundPlace], *, err: bool = False) -> None:
    for number, place in enumerate(found, 1):
        people = f"{place.population:,}" if place.population else "–"
        where = ", ".join(filter(None, (place.region, place.country)))
        typer.echo(
            f"{number:>2}  {place.name:<24} {place.lat:>9.4f} {place.lon:>10.4f} {people:>12}  {where}",
            err=err,
        )


class _Row(NamedTuple):
    file: Path
    position: int
    where: str


def _rows(configuration: Configuration, names: Collection[str]) -> Iterator[_Row]:
    """Find the rows whose name or id is one of *words*, good or set aside."""
    for file in list_files(configuration.list_path):
        rows = reader.parse_yaml(reader.read_text(file), str(file))["cities"]
        for index, row in enumerate(rows):
            if isinstance(row, dict) and not _names(row).isdisjoint(names):
                yield _Row(file, index, reader.format_position(str(file), rows.value_positions[index]))


def _names(row: dict[str, Any]) -> set[str]:
    name = row.get("name")
    names = [name, row.get("id") or (make_slug(name.strip()) if isinstance(name, str) else None)]
    return {each.strip() for each in names if isinstance(each, str)}


def _own(file: Path) -> Path:
    """Return a file that may be edited: not the list that came with weatherd, unless one works in its source."""
    shipped = SHIPPED_SETTINGS.parent
    if file.resolve().is_relative_to(shipped) and Path("config").resolve() != shipped:
        message = f"there is no list of your own yet: copy {shipped} to ~/.config/weatherd or ./config"
        raise ConfigError(Problem("", message))
    return file
