"""The rows of a city list as they stand in its files, valid or quarantined, for commands that edit them."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from weatherd.errors import ConfigError, Problem
from weatherd.text.name_folding import fold_name
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from weatherd.city import City
    from weatherd.config.loader import Configuration
    from weatherd.config.yaml.reader import Position

_SAME_PLACE = 0.05  # degrees, about 5 km: geocoding services place a city's center differently
_ID_LENGTH = 64


class ListedCity(NamedTuple):
    """A row of the city list; a value that is missing or has the wrong type is None."""

    file: Path
    position: int  # in the list of the file
    where: str  # file:line:column
    name: str | None
    id: str | None
    lat: float | None
    lon: float | None
    has_id: bool = False  # or else it is derived from the name

    def is_same_place(self, city: City) -> bool:
        """Return whether the row has the coordinates of *city*, more or less, or no valid ones."""
        if self.lat is None or self.lon is None or abs(self.lat) > 90 or abs(self.lon) > 180:  # noqa: PLR2004 - degrees
            return True
        return max(abs(self.lat - city.lat), abs(self.lon - city.lon)) < _SAME_PLACE


class ListRows:
    """The rows of all files of a list, by id and by name."""

    def __init__(self, rows: Iterable[ListedCity]) -> None:
        self._by_id: dict[str, list[ListedCity]] = {}
        self._by_name: dict[str, list[ListedCity]] = {}
        for row in rows:
            self.add(row)

    def add(self, row: ListedCity) -> None:
        """Add a row, also if its id is taken."""
        if row.id:
            self._by_id.setdefault(row.id, []).append(row)
        if row.name:
            self._by_name.setdefault(fold_name(row.name), []).append(row)

    def find_same(self, city: City) -> ListedCity | None:
        """Return the row of the same city: the same name or id at the same place; None if it is not in the list."""
        named = self._by_name.get(fold_name(city.name), [])
        return next((row for row in [*named, *self.find_id(city.id)] if row.is_same_place(city)), None)

    def find_id(self, city_id: str) -> list[ListedCity]:
        """Return the rows with this id; those after the first are quarantined."""
        return self._by_id.get(city_id, [])

    def find_by_id_or_name(self, name: str) -> list[ListedCity]:
        """Return the rows with the id *name*, or else those with this name, ignoring case and the Unicode form."""
        return self.find_id(name) or self._by_name.get(fold_name(name), [])

    def choose_id(self, city_id: str, region: str) -> str:
        """Return *city_id* if it is free, or else a free one with the region, such as ``springfield-illinois``."""
        from weatherd.city import make_slug

        with_region = f"{city_id}-{make_slug(region)}" if region else city_id
        suffixes = (f"-{number}" for number in itertools.count(2))
        numbered = (city_id[: _ID_LENGTH - len(suffix)] + suffix for suffix in suffixes)
        candidates = itertools.chain((city_id, with_region), numbered)
        return next(text for text in candidates if text not in self._by_id and len(text) <= _ID_LENGTH)


def find_row(configuration: Configuration, name: str) -> ListedCity:
    """Return the row with this id, or else with this name, also if it is quarantined.

    Raises ConfigError if there is none, or more than one.
    """
    matches = ListRows(read_rows(configuration.list_paths)).find_by_id_or_name(name.strip())
    if not matches:
        known = [known for city in configuration.cities for known in (city.name, city.id)]
        raise ConfigError(Problem(configuration.list_name, f"{name!r} is not in the list{did_you_mean(name, known)}"))
    if len(matches) > 1:
        where = ", ".join(row.where for row in matches)
        message = f"{name!r} is in the list more than once: {where}; use its id, or edit the file"
        raise ConfigError(Problem(configuration.list_name, message))
    return matches[0]


def read_rows(list_paths: Iterable[Path]) -> Iterator[ListedCity]:
    """Yield the rows of all files of the list. A YAML file without rows, or with ``cities:`` alone, is an empty list.

    Raises ConfigError if a file cannot be read or is not a list in its format.
    """
    from weatherd.city import make_slug
    from weatherd.config.lists.list_files import list_files
    from weatherd.config.yaml import reader

    for file in list_files(list_paths):
        for index, (row, position) in enumerate(_parse_rows(reader.read_text(file), str(file))):
            if isinstance(row, dict):
                where = reader.format_position(str(file), position)
                name = _strip_text(row.get("name"))
                city_id = _strip_text(row.get("id") or (name and make_slug(name)))
                lat, lon = (_read_number(row.get(key)) for key in ("lat", "lon"))
                yield ListedCity(file, index, where, name, city_id, lat, lon, has_id=bool(row.get("id")))


def _parse_rows(text: str, name: str) -> Iterable[tuple[Any, Position]]:
    from weatherd.config.lists.csv_rows import read_csv_rows
    from weatherd.config.lists.json_lines import read_json_lines
    from weatherd.config.lists.list_files import is_csv, is_yaml
    from weatherd.config.yaml import reader

    if is_yaml(name):
        document = reader.parse_yaml(text, name)
        rows = document.get("cities") if isinstance(document, reader.YamlMapping) else None
        return zip(rows, rows.value_positions, strict=True) if isinstance(rows, reader.YamlSequence) else ()
    text = text.removeprefix(reader.BOM)
    if is_csv(name):
        return read_csv_rows(text, name)
    return ((row.value, row.position) for row in read_json_lines(text, name))


def find_file_to_extend(list_paths: Iterable[Path]) -> Path:
    """Return the last YAML file of the list, to which rows are added. Raises ConfigError if there is none."""
    from weatherd.config.lists.list_files import is_yaml, list_files

    files = list(list_files(list_paths))
    return require_editable(next((file for file in reversed(files) if is_yaml(file.name)), files[-1]))


def require_editable(file: Path, where: str = "") -> Path:
    """Return *file*. Raises ConfigError, with the position *where*, unless weatherd may and can edit it.

    It edits YAML lists, but not the list in an installed package; in a source checkout that one may be edited.
    """
    from weatherd.config.lists.list_files import is_yaml
    from weatherd.config.loader import SHIPPED_SETTINGS

    if not is_yaml(file.name):
        message = "weatherd edits YAML lists only: edit this one by hand, or with the program that wrote it"
        raise ConfigError(Problem(where or str(file), message))
    shipped = SHIPPED_SETTINGS.parent
    real = Path(os.path.realpath(file))  # in Python 3.11, pathlib's resolve() raises RuntimeError for a loop of links
    if real.is_relative_to(shipped) and Path("config").resolve() != shipped:
        message = f"this list is part of the weatherd installation: {file}"
        raise ConfigError(Problem("", f"{message}; create your own with weatherd init"))
    return file


def validate_row(row: dict[str, Any]) -> City:
    """Return the city as the list would load it. Raises typer.BadParameter if the list would quarantine it."""
    from pydantic import ValidationError

    from weatherd.config.lists.city_row import validate_city
    from weatherd.config.messages import explain_error

    try:
        return validate_city(row)
    except ValidationError as error:
        raise typer.BadParameter(explain_error(error.errors(include_url=False)[0], ())) from None


def _strip_text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) else None


def _read_number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
