"""The list of cities: rows from files and folders of files; invalid rows are quarantined."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from weatherd.city import KEYS, City
from weatherd.config.lists.csv_rows import CsvRow, read_csv_rows
from weatherd.config.lists.json_lines import read_json_lines
from weatherd.config.lists.list_files import is_csv, is_yaml, list_files
from weatherd.config.lists.yaml_lines import UnusualLayoutError, add_yaml_lines
from weatherd.config.messages import MERGE_KEY, explain_error, explain_yaml_key, quote_shortened
from weatherd.config.plugin_models import combine_models, explain_broken_plugin, find_plugin_models, plugin_keys
from weatherd.config.setting_fields import PLUGINS
from weatherd.config.yaml import reader
from weatherd.errors import ConfigError, Problem
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from weatherd.config.lists.json_lines import JsonRow
    from weatherd.config.plugin_models import FindModels

_CITY = TypeAdapter(City)
_NO_DEFAULTS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CityList:
    """The cities of a list in order, the problems of each quarantined row, and the position of a city by its id."""

    cities: tuple[City, ...]
    quarantined: tuple[tuple[Problem, ...], ...] = ()
    locate: Callable[[str], str] | None = field(default=None, compare=False, repr=False)  # returns "a.yaml:2:5"


def load_cities(
    paths: Iterable[Path],
    providers: Collection[str],
    defaults: Mapping[str, Any] = _NO_DEFAULTS,
    reuse: Iterable[City] = (),
) -> CityList:
    """Load files, and the lists in folders in the order of their names. The suffix tells the format.

    *defaults* are the values of keys that a row omits. An invalid row, including one with a provider that is not in
    *providers*, is quarantined: its problems are reported with their positions, and the other rows are used. Raises
    ConfigError if a file cannot be read, or is not a list in its format.
    """
    return parse_cities(((str(file), reader.read_text(file)) for file in list_files(paths)), providers, defaults, reuse)


def parse_cities(
    texts: Iterable[tuple[str, str]],
    providers: Collection[str],
    defaults: Mapping[str, Any] = _NO_DEFAULTS,
    reuse: Iterable[City] = (),
    *,
    find_models: FindModels = find_plugin_models,
) -> CityList:
    """Parse the list in *texts*, which are pairs of file name and text.

    If a row equals one of the *reuse* cities, that object is used, so that a long list is not in memory twice after a
    reload, and comparing it with the previous list is fast. *find_models* is called only if a row has keys for
    plug-ins, because it imports the plug-ins.
    """
    rows = _RowReader(providers, defaults, reuse, find_models)
    for name, text in texts:
        rows.read_file(name, text)
    return CityList(tuple(rows.cities.values()), tuple(rows.quarantined), rows.locate)


class _RowReader:
    """Collects the cities of a list. Rows are validated one by one, because 200,000 YAML rows would fill the memory."""

    def __init__(
        self,
        providers: Collection[str],
        defaults: Mapping[str, Any],
        reuse: Iterable[City],
        find_models: FindModels,
    ) -> None:
        self.cities: dict[str, City] = {}  # by id
        self.quarantined: list[tuple[Problem, ...]] = []
        self._defaults = defaults
        self._find_models = functools.cache(find_models)
        self._context = {"providers": providers, "plugin_models": functools.cache(self._city_models)}
        self._reuse = {city.id: city for city in reuse}
        self._name = ""  # of the file that is being read
        self._quarantined_before = 0  # rows of the files before it
        self._files: dict[str, dict[str, reader.Position]] = {}  # positions by file and id
        self._positions: dict[str, reader.Position] = {}  # of the cities in the file that is being read, by id

    def read_file(self, name: str, text: str) -> None:
        """Add the rows of a file. Raises ConfigError if it is not a list of cities."""
        self._name, self._quarantined_before = name, len(self.quarantined)
        self._positions = self._files.setdefault(name, {})
        text = text.removeprefix(reader.BOM)
        if is_yaml(name):
            self._read_yaml(text)
        elif is_csv(name):
            for row, position in read_csv_rows(text, name):
                self.add_row(row, position)
        else:
            for line in read_json_lines(text, name):
                self._add_json_row(line)

    def _read_yaml(self, text: str) -> None:
        try:
            add_yaml_lines(text, self)
        except UnusualLayoutError:
            self._remove_rows()
            _require_list(reader.parse_yaml(text, self._name, {"cities": self.add_row}), self._name)

    def _add_json_row(self, row: JsonRow) -> None:
        """Add a row; the positions of its values are only found if it is invalid, because that takes long."""
        try:
            self.add_city(self.validate(row.value), row.position)
        except ValidationError:
            self.add_row(row.locate_values(), row.position, row.position[0] - 1)

    def add_row(self, row: Any, position: reader.Position, shift: int = 0) -> None:
        """Add a row or quarantine it; the positions of its values are *shift* lines further down in the file."""
        try:
            self.add_city(self.validate(row), position)
        except ValidationError as error:
            details = error.errors(include_url=False)
            details = [detail for detail in details if detail["loc"][-1:] == (MERGE_KEY,)] or details
            self.quarantined.append(tuple(self._problem(detail, row, position, shift) for detail in details))

    def validate(self, row: Any) -> City:
        """Return the city of a row, which gets the defaults. Raises pydantic's ValidationError."""
        if isinstance(row, dict):
            row.update({key: value for key, value in self._defaults.items() if row.get(key) is None})
        return _CITY.validate_python(row, context=self._context)

    def add_city(self, city: City, position: reader.Position) -> None:
        """Add a city, or quarantine its row if its id is taken."""
        city_id = city.id
        if city_id not in self.cities:
            known = self._reuse.get(city_id)
            self.cities[city_id] = city if known is None or known != city else known
            self._positions[city_id] = position
            return
        first = self.locate(city_id)
        message = f"{quote_shortened(city.name)}: the id {city_id!r} is taken by {first}; give one of them an 'id'"
        self.quarantined.append((Problem(reader.format_position(self._name, position), message),))

    def locate(self, city_id: str) -> str:
        """Return the position of a city's row, such as "cities.yaml:2:5"."""
        name = next(name for name, positions in self._files.items() if city_id in positions)
        return reader.format_position(name, self._files[name][city_id])

    def _remove_rows(self) -> None:
        """Remove the rows of the file that is being read."""
        for city_id in self._positions:
            del self.cities[city_id]
        self._positions.clear()
        del self.quarantined[self._quarantined_before :]

    def _problem(self, detail: ErrorDetails, row: Any, position: reader.Position, shift: int) -> Problem:
        if not isinstance(row, reader.YamlMapping):
            return Problem(reader.format_position(self._name, position), explain_error(detail, KEYS))
        if isinstance(row, CsvRow) and detail["type"] == "float_type":
            detail = detail | {"type": "float_parsing"}  # without the advice to remove quotes
        city = f"{quote_shortened(row['name'])}: " if isinstance(row.get("name"), str) else ""
        path, is_unknown = detail["loc"], detail["type"] in ("unexpected_keyword_argument", "extra_forbidden")
        (line, column), message = reader.find_position(row, path, key=is_unknown), ""
        known: Iterable[str] = KEYS
        if path[:1] == (PLUGINS,) and is_unknown:
            message = explain_broken_plugin(path, self._find_models())
            known = plugin_keys(path, self._city_sections())
        message = message or explain_error(detail, known)
        return Problem(reader.format_position(self._name, (line + shift, column)), city + message)

    def _city_models(self) -> type[BaseModel]:
        return combine_models(self._city_sections(), "CityPlugins")

    def _city_sections(self) -> dict[str, type[BaseModel]]:
        return {name: models.city for name, models in self._find_models().items() if models.city}


def _require_list(document: Any, name: str) -> None:
    """Raise ConfigError unless ``cities`` holds a list and is the only key of the file."""
    if not isinstance(document, reader.YamlMapping):
        position = reader.format_position(name, reader.find_position(document, ()))
        raise ConfigError(Problem(position, "should have the key 'cities' with a list of cities"))
    unknown = [
        Problem(
            reader.format_position(name, position),
            f"unknown key {quote_shortened(key)}{explain_yaml_key(key) or did_you_mean(key, ['cities'])}",
        )
        for key, position in document.key_positions.items()
        if key != "cities"
    ]
    if unknown:
        raise ConfigError(*unknown)
    if not isinstance(document.get("cities"), reader.YamlSequence):
        position = reader.format_position(name, reader.find_position(document, ("cities",)))
        raise ConfigError(
            Problem(position, "'cities' should be a list with one '- {name: …, lat: …, lon: …}' per line")
        )
