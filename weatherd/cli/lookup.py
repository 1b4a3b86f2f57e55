"""Lookup of command arguments: a city of the daemon, a city in the journal, a range of time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from weatherd.cli.options import ArgumentError
from weatherd.text.name_folding import fold_name
from weatherd.text.suggestions import did_you_mean, explain_namesakes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo
    from pathlib import Path

    from weatherd.city import City
    from weatherd.cli.client import Client
    from weatherd.cli.history.sources import HistorySource
    from weatherd.config.loader import Configuration
    from weatherd.web.schemas import CityDetail


@dataclass(frozen=True, slots=True)
class RecordedCity:
    """A city with observations in the journal; it may have been removed from the list."""

    id: str
    name: str
    zone: tzinfo
    place: tuple[float, float] | None = None  # degrees north and east; None if it is not in the list


def find_journal(configuration: Configuration) -> Path:
    """Return the path of the journal's database. Raises StateError if there is none but that of a demo."""
    from weatherd.cli.demo.running import find_demo_state
    from weatherd.errors import StateError
    from weatherd.journal import state_folder
    from weatherd.journal.store import JOURNAL_FILE

    folder = state_folder.find_state_folder(configuration.settings.state, configuration.file, os.environ)
    with state_folder.translate_errors(folder):
        is_missing = not (folder / JOURNAL_FILE).exists()
    if is_missing and (demo := find_demo_state(configuration.file)):
        hint = f"the demo that runs with {configuration.file} has its own; set WEATHERD_STATE={demo} to read that"
        raise StateError(f"there is no journal at {folder / JOURNAL_FILE}: {hint}")
    return folder / JOURNAL_FILE


def find_recorded_city(configuration: Configuration, name: str, reader: HistorySource) -> RecordedCity:
    """Return the city with this id or name from the list, or else from the journal by its id or by the name it had.

    Case and the Unicode form are ignored, and accents if the city's id is made of its name. An id takes precedence over
    the name of another city. Raises ArgumentError if neither has such a city, or if several cities of the list have the
    name.
    """
    from weatherd.city import make_former_slug, make_slug
    from weatherd.text.local_zone import load_zone

    if city := find_listed_city(configuration.cities, name):
        return RecordedCity(_find_recorded_id(city, reader), city.name, load_zone(city.timezone), (city.lat, city.lon))
    recorded = reader.list_cities()
    # A city that was renamed or removed is asked for by its old name
    for city_id in (name, fold_name(name), make_slug(name), make_former_slug(name)):
        if city_id in recorded:
            return RecordedCity(city_id, city_id, load_zone(configuration.settings.timezone))
    known = [known for city in configuration.cities for known in (city.name, city.id)]
    raise ArgumentError(f"no city is named {name!r}{did_you_mean(name, [*known, *recorded])}")


def find_listed_city(cities: Sequence[City], name: str) -> City | None:
    """Return the city of the list with this id or name, or None, as :func:`find_recorded_city` does.

    Raises ArgumentError if several cities have the name.
    """
    from weatherd.city import make_slug

    folded = fold_name(name)
    for matches in (
        [city for city in cities if city.id == name],
        [city for city in cities if fold_name(city.name) == folded],
        [city for city in cities if city.id == folded],
        [city for city in cities if city.id == make_slug(name)],
    ):
        if len(matches) > 1:
            raise ArgumentError(explain_namesakes(name, [city.id for city in matches]))
        if matches:
            return matches[0]
    return None


def require_listed_city(cities: Sequence[City], name: str) -> City:
    """Return the city of the list with this id or name. Raises ArgumentError if there is none, or several."""
    if city := find_listed_city(cities, name):
        return city
    known = [text for city in cities for text in (city.id, city.name)]
    raise ArgumentError(f"no city is named {name!r}{did_you_mean(name, known)}")


def _find_recorded_id(city: City, reader: HistorySource) -> str:
    """Return a city's id, or the one that earlier releases made from its name if the journal has only that."""
    from weatherd.city import make_former_slug, make_slug

    former = make_former_slug(city.name)
    if city.id != make_slug(city.name) or former == city.id or reader.has_city(city.id):
        return city.id
    return former if reader.has_city(former) else city.id


async def find_watched_city(client: Client, name: str) -> CityDetail:
    """Return the city with this name or id from the running daemon.

    Raises ArgumentError if the daemon has no such city, and ClientError if the daemon cannot be reached.
    """
    from weatherd.cli.client import CityNotFoundError

    try:
        return await client.get_city(name)
    except CityNotFoundError as error:
        raise ArgumentError(str(error)) from None


def parse_time_range(
    since: str | None, until: str | None, now: datetime, zone: tzinfo
) -> tuple[datetime | None, datetime]:
    """Return both ends of a range in UTC; the end defaults to *now*.

    Raises typer.BadParameter for an unknown form, and for a range that does not begin before its end.
    """
    from weatherd.text.moments import parse_moment

    def parse(option: str, text: str) -> datetime:
        try:
            return parse_moment(text, now, zone)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=f"'{option}'") from None

    begin, end = parse("--since", since) if since else None, parse("--until", until) if until else now
    if begin and begin >= end:
        end_text = f"before --until, which is {until}" if until else "in the past"
        reason = f"should be {end_text}, not {since!r}"
        raise typer.BadParameter(reason, param_hint="'--since'")
    return begin, end
