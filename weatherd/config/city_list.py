"""The list of cities: rows from files and folders of files; invalid rows are quarantined."""

from __future__ import annotations

import bisect
import functools
import operator
from array import array
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from weatherd.city import KEYS, City
from weatherd.config.lists.city_row import validate_city
from weatherd.config.lists.csv_rows import CsvRow, read_csv_rows
from weatherd.config.lists.json_lines import read_json_lines
from weatherd.config.lists.known_rows import NO_ROWS, KnownRows
from weatherd.config.lists.list_files import is_csv, is_yaml, list_files
from weatherd.config.lists.yaml_lines import LONG_LIST, UnusualLayoutError, add_yaml_lines
from weatherd.config.messages import MERGE_KEY, explain_error, explain_yaml_key, quote_shortened
from weatherd.config.plugin_models import combine_models, explain_broken_plugin, find_plugin_models, plugin_keys
from weatherd.config.setting_fields import PLUGINS
from weatherd.config.yaml import reader
from weatherd.errors import ConfigError, Problem
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from weatherd.config.plugin_models import FindModels

_NO_DEFAULTS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CityList:
    """The cities of a list in order, the problems of each quarantined row, and the position of a city by its id."""

    cities: tuple[City, ...]
    quarantined: tuple[tuple[Problem, ...], ...] = ()
    locate: Callable[[str], str] | None = field(default=None, compare=False, repr=False)  # returns "a.yaml:2:5"
    rows: KnownRows = field(default=NO_ROWS, compare=False, repr=False)


def load_cities(
    paths: Iterable[Path],
    providers: Collection[str],
    defaults: Mapping[str, Any] = _NO_DEFAULTS,
    reuse: KnownRows = NO_ROWS,
) -> CityList:
    """Load files, and the lists in folders in the order of their names. The suffix tells the format.

    *defaults* are the values of keys that a row omits. An invalid row, including one with a provider that is not in
    *providers*, is quarantined: its problems are reported with their positions, and the other rows are used. Raises
    ConfigError if a file cannot be read, or is not a list in its format.
    """
    return parse_cities(((str(file), _read_list(file)) for file in list_files(paths)), providers, defaults, reuse)


def _read_list(file: Path) -> str:
    """Return the text of a list. Raises ConfigError, with the way to create it if it does not exist."""
    try:
        return reader.read_text(file)
    except ConfigError as error:
        if not isinstance(error.__context__, FileNotFoundError) or not is_yaml(file.name):
            raise
        raise ConfigError(
            Problem(str(file), f"{error.problems[0].message}; weatherd cities add NAME creates it")
        ) from None


def parse_cities(
    texts: Iterable[tuple[str, str]],
    providers: Collection[str],
    defaults: Mapping[str, Any] = _NO_DEFAULTS,
    reuse: KnownRows = NO_ROWS,
    *,
    find_models: FindModels = find_plugin_models,
) -> CityList:
    """Parse the list in *texts*, which are pairs of file name and text.

    Rows of one line in the list *reuse* are not parsed again if neither their text nor the defaults have changed. If
    another row equals a city of that list, that object is used, so that a long list is not in memory twice after a
    reload, and comparing it with the previous list is fast. *find_models* is called only if a row has keys for
    plug-ins, because it imports the plug-ins.
    """
    rows = _RowReader(providers, defaults, reuse, find_models)
    for name, text in texts:
        rows.read_file(name, text)
    cities = tuple(rows.cities)
    return CityList(cities, tuple(rows.quarantined), rows.locate, KnownRows(rows.keys, cities))


class _FileStart(NamedTuple):
    """A file's name, and the numbers of cities and quarantined rows in the files before it."""

    name: str
    cities: int
    quarantined: int


class _RowReader:
    """Collects the cities of a list. Rows are validated one by one, because 200,000 YAML rows would fill the memory."""

    def __init__(
        self,
        providers: Collection[str],
        defaults: Mapping[str, Any],
        reuse: KnownRows,
        find_models: FindModels,
    ) -> None:
        self.cities: list[City] = []
        self.keys = array("q")  # of the cities' rows, for KnownRows
        self.quarantined: list[tuple[Problem, ...]] = []
        self.find_city = reuse.index_by_key()
        self._find_equal = reuse.index_by_id()
        self._defaults, self._providers = defaults, providers
        self._find_models = functools.cache(find_models)
        # Without a reference to self, because a cycle would stay in memory: a reload runs without garbage collection
        models = functools.cache(functools.partial(_combine_city_models, self._find_models))
        self._context = {"providers": providers, "plugin_models": models}
        self._files: list[_FileStart] = []
        self._indexes: dict[str, int] = {}  # of the cities, by id
        self._lines, self._columns = array("I"), array("I")  # positions of the cities' rows

    def read_file(self, name: str, text: str) -> None:
        """Add the rows of a file. Raises ConfigError if it is not a list of cities."""
        self._files.append(_FileStart(name, len(self.cities), len(self.quarantined)))
        text = text.removeprefix(reader.BOM)
        if is_yaml(name):
            self._read_yaml(text)
        elif is_csv(name):
            for row, position in read_csv_rows(text, name):
                self.add_row(row, position)
        else:
            self._read_json_lines(text)

    def _read_yaml(self, text: str) -> None:
        if len(text) >= LONG_LIST:
            try:
                add_yaml_lines(text, self)
            except UnusualLayoutError:
                self._remove_rows()
            else:
                return
        _require_list(reader.parse_yaml(text, self._name, {"cities": self.add_row}), self._name)

    def _read_json_lines(self, text: str) -> None:
        """Add the rows; the positions of a row's values are only found if it is invalid, because that takes long."""
        salt = self.make_salt("jsonl")
        for row in read_json_lines(text, self._name, lambda line: self.find_city(hash(line) ^ salt)):
            try:
                city = row.value if isinstance(row.value, City) else self.reuse_equal(self.validate(row.value))
            except ValidationError:
                self.add_row(row.locate_values(), row.position, row.position[0] - 1)
            else:
                self.add_city(city, row.position, 0 if city.plugins else hash(row.line) ^ salt)

    def make_salt(self, *layout: str) -> int:
        """Return what a row's key has beside its text: the layout of its file, the defaults and the providers."""
        return hash(repr((layout, sorted(self._defaults.items()), sorted(self._providers))))

    def add_row(self, row: Any, position: reader.Position, shift: int = 0) -> None:
        """Add a row or quarantine it; the positions of its values are *shift* lines further down in the file."""
        try:
            self.add_city(self.reuse_equal(self.validate(row)), position)
        except ValidationError as error:
            details = error.errors(include_url=False)
            details = [detail for detail in details if detail["loc"][-1:] == (MERGE_KEY,)] or details
            self.quarantined.append(tuple(self._problem(detail, row, position, shift) for detail in details))

    def validate(self, row: Any) -> City:
        """Return the city of a row, which gets the defaults. Raises pydantic's ValidationError."""
        if isinstance(row, dict):
            row.update({key: value for key, value in self._defaults.items() if row.get(key) is None})
        return validate_city(row, self._context)

    def add_cities(self, cities: Sequence[City], keys: Sequence[int], position: reader.Position) -> None:
        """Add the cities of consecutive lines, as :meth:`add_city` does; *position* is that of the first one."""
        start, count, (line, column) = len(self.cities), len(cities), position
        indexes = dict(zip([city.id for city in cities], range(start, start + count), strict=True))
        if len(indexes) < count or not self._indexes.keys().isdisjoint(indexes):
            for index, (city, key) in enumerate(zip(cities, keys, strict=True)):
                self.add_city(city, (line + index, column), key)
            return
        self._indexes |= indexes
        self.cities += cities
        self.keys.extend(keys)
        self._lines.extend(range(line, line + count))
        self._columns.extend([column] * count)

    def add_city(self, city: City, position: reader.Position, key: int = 0) -> None:
        """Add a city, or quarantine its row if its id is taken."""
        if city.id not in self._indexes:
            self._indexes[city.id] = len(self.cities)
            self.cities.append(city)
            self.keys.append(key)
            self._lines.append(position[0])
            self._columns.append(position[1])
            return
        message = (
            f"{quote_shortened(city.name)}: the id {city.id!r} is taken by {self.locate(city.id)}; "
            "give one of them an 'id'"
        )
        self.quarantined.append((Problem(reader.format_position(self._name, position), message),))

    def reuse_equal(self, city: City) -> City:
        """Return the equal city of the previous list, or *city* itself."""
        known = self._find_equal(city.id)
        return city if known is None or known is city or known != city else known

    def locate(self, city_id: str) -> str:
        """Return the position of a city's row, such as "cities.yaml:2:5"."""
        index = self._indexes[city_id]
        file = self._files[bisect.bisect_right(self._files, index, key=operator.attrgetter("cities")) - 1]
        return reader.format_position(file.name, (self._lines[index], self._columns[index]))

    @property
    def _name(self) -> str:
        return self._files[-1].name

    def _remove_rows(self) -> None:
        """Remove the rows of the file that is being read."""
        file = self._files[-1]
        for city in self.cities[file.cities :]:
            del self._indexes[city.id]
        for values in (self.cities, self.keys, self._lines, self._columns):
            del values[file.cities :]
        del self.quarantined[file.quarantined :]

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
            known = plugin_keys(path, _city_sections(self._find_models))
        message = message or explain_error(detail, known)
        return Problem(reader.format_position(self._name, (line + shift, column)), city + message)


def _combine_city_models(find_models: FindModels) -> type[BaseModel]:
    return combine_models(_city_sections(find_models), "CityPlugins")


def _city_sections(find_models: FindModels) -> dict[str, type[BaseModel]]:
    return {name: models.city for name, models in find_models().items() if models.city}


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
