"""``weatherd cities``: keep the list."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import typer

from weatherd import geocoding, yamledit, yamlfile
from weatherd.cities import files, slug
from weatherd.commands import OK
from weatherd.compose import AGENT
from weatherd.configuration import SHIPPED
from weatherd.duration import words
from weatherd.errors import ConfigError, Problem, WeatherdError, did_you_mean
from weatherd.http import open_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from weatherd.configuration import Configuration
    from weatherd.geocoding import Found
    from weatherd.settings import Settings


def show(configuration: Configuration) -> int:
    """Print the list: id, name, place, interval and providers of each city; set-aside rows on standard error."""
    for city in configuration.cities:
        rest = f"{words(city.interval or 0):<6} {', '.join(city.providers or ())}"
        typer.echo(f"{city.id:<20} {city.name:<24} {city.lat:>9.4f} {city.lon:>10.4f}  {rest}")
    for problems in configuration.quarantined:
        for problem in problems:
            typer.echo(f"set aside: {problem}", err=True)
    return OK


def search(settings: Settings, name: str) -> int:
    """Print the places of that name."""
    _print_found(_search(settings, name))
    return OK


def add(configuration: Configuration, name: str, place: tuple[float, float] | None, pick: int | None) -> int:
    """Add a city at the end of the list: at *place*, or else where the geocoding finds it."""
    file = _own_file(configuration)
    if place:
        row: dict[str, Any] = {"name": name, "lat": place[0], "lon": place[1]}
    else:
        found = _search(configuration.settings, name)
        chosen = _choose(found, pick)
        row = {"name": chosen.name, "lat": round(chosen.lat, 5), "lon": round(chosen.lon, 5)}
    taken = {city.id: city for city in configuration.cities}
    if (city := taken.get(slug(row["name"]))) is not None:
        raise WeatherdError(f"{city.name} is in the list already (id {city.id!r})")
    yamledit.write(file, yamledit.append_row(yamlfile.read(file), "cities", row, str(file)))
    typer.echo(f"added {row['name']} ({row['lat']}, {row['lon']}) to {file}")
    return OK


def remove(configuration: Configuration, name: str) -> int:
    """Take the row of that name or id out of the list."""
    _own_file(configuration)
    matches = list(_rows(configuration, name))
    if not matches:
        known = [word for city in configuration.cities for word in (city.name, city.id)]
        raise WeatherdError(f"{name!r} is not in the list{did_you_mean(name, known)}")
    if len(matches) > 1:
        places = ", ".join(yamlfile.where(str(file), place) for file, _, place in matches)
        raise WeatherdError(f"{name!r} stands in the list more than once: {places}; use the id")
    file, index, _ = matches[0]
    yamledit.write(file, yamledit.remove_row(yamlfile.read(file), "cities", index, str(file)))
    typer.echo(f"removed {name} from {file}")
    return OK


def _search(settings: Settings, name: str) -> list[Found]:
    block = settings.open_meteo
    base = block.geocoding_url or block.base_url or geocoding.URL

    async def ask() -> list[Found]:
        async with open_session(AGENT) as session:
            return await geocoding.search(session, base, name)

    found = asyncio.run(ask())
    if not found:
        raise WeatherdError(f"no place called {name!r} is known; add it by --lat and --lon")
    return found


def _choose(found: Sequence[Found], pick: int | None) -> Found:
    """Return the place with that number; the likeliest if none is given, with the others shown."""
    if pick is not None and not 1 <= pick <= len(found):
        raise WeatherdError(f"--pick {pick}: there are {len(found)} places of that name")
    if pick is None and len(found) > 1:
        _print_found(found, err=True)
        typer.echo("number 1 it is; --pick NUMBER takes another", err=True)
    return found[(pick or 1) - 1]


def _print_found(found: Sequence[Found], *, err: bool = False) -> None:
    for number, place in enumerate(found, 1):
        people = f"{place.population:,}" if place.population else "–"
        where = ", ".join(filter(None, (place.region, place.country)))
        typer.echo(
            f"{number:>2}  {place.name:<24} {place.lat:>9.4f} {place.lon:>10.4f} {people:>12}  {where}",
            err=err,
        )


def _rows(configuration: Configuration, name: str) -> Iterator[tuple[Path, int, yamlfile.Place]]:
    """Find the rows with that name or id, good or set aside: file, index, place."""
    for file in files(configuration.list_path):
        rows = yamlfile.parse(yamlfile.read(file), str(file))["cities"]
        for index, row in enumerate(rows):
            if isinstance(row, dict) and name in _names(row):
                yield file, index, rows.places[index]


def _names(row: dict[str, Any]) -> set[Any]:
    name = row.get("name")
    return {name, row.get("id") or (slug(name) if isinstance(name, str) else None)} - {None}


def _own_file(configuration: Configuration) -> Path:
    """Return the file to add to; ConfigError where the only list is the one that came with weatherd."""
    if configuration.file == SHIPPED:
        message = f"there is no list of your own yet: copy {SHIPPED.parent} to ~/.config/weatherd or ./config"
        raise ConfigError(Problem("", message))
    return files(configuration.list_path)[-1]
