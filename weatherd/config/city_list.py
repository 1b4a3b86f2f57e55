"""The list of cities: how a file or a folder of files becomes rows, the bad ones set aside."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from weatherd.city import KEYS, City
from weatherd.config.messages import explain_error, quote_shortened
from weatherd.config.yaml import reader
from weatherd.errors import ConfigError, Problem, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

_CITY = TypeAdapter(City)
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CityList:
    """What a file or folder holds: the good rows in their order, and for each of the others what is wrong."""

    cities: tuple[City, ...]
    quarantined: tuple[tuple[Problem, ...], ...] = ()


def load_cities(
    path: Path, providers: Collection[str], general: Mapping[str, Any] = _NOTHING, reuse: Iterable[City] = ()
) -> CityList:
    """Read a file, or every ``*.yaml`` and ``*.yml`` of a folder in the order of their names.

    *general* holds what a row has that does not say otherwise. A bad row, one with a provider that is not among
    *providers* too, is quarantined: it is reported with its place and the others are kept. Raises ConfigError when
    something cannot be read, is not YAML, or holds no list under ``cities``.
    """
    return parse_cities(((str(file), reader.read_text(file)) for file in list_files(path)), providers, general, reuse)


def parse_cities(
    texts: Iterable[tuple[str, str]],
    providers: Collection[str],
    general: Mapping[str, Any] = _NOTHING,
    reuse: Iterable[City] = (),
) -> CityList:
    """Parse the list in *texts*, pairs of a file's name and its text.

    A row that equals one of the *reuse* cities becomes that very object, because then a long list that is read again
    is not in memory twice, and a comparison with the former list finds the same objects.
    """
    rows = _Rows(providers, general, reuse)
    for name, text in texts:
        rows.read(name, text)
    return CityList(tuple(rows.kept.values()), tuple(rows.quarantined))


def list_files(path: Path) -> list[Path]:
    """Return the files that a list is made of: *path* itself, or the YAML files in it, hidden ones left out."""
    try:
        if not path.is_dir():
            return [path]
        found = [file for file in path.iterdir() if file.suffix in (".yaml", ".yml") and file.name[0] != "."]
    except OSError as error:
        raise ConfigError(Problem(str(path), f"cannot be read: {error.strerror}")) from None
    if not found:
        raise ConfigError(Problem(str(path), "is a folder without a *.yaml file"))
    return sorted(found)


class _Rows:
    """The rows of a list, each judged as soon as it is read: 200,000 of them as YAML values would fill the memory."""

    def __init__(self, providers: Collection[str], general: Mapping[str, Any], reuse: Iterable[City]) -> None:
        self.kept: dict[str, City] = {}  # by id
        self.quarantined: list[tuple[Problem, ...]] = []
        self._general = general
        self._context = {"providers": providers}
        self._reuse = {city.id: city for city in reuse}
        self._name = ""  # of the file that is being read
        self._places: dict[str, tuple[str, int, int]] = {}  # where each of them stands

    def read(self, name: str, text: str) -> None:
        """Take the rows of a file. Raises ConfigError when it is not a list of cities."""
        self._name = name
        _require_list(reader.parse_yaml(text, name, {"cities": self._take}), name)

    def _take(self, row: Any, place: reader.Position) -> None:
        if isinstance(row, reader.YamlMapping):
            row.update({key: value for key, value in self._general.items() if row.get(key) is None})
        try:
            self._keep(_CITY.validate_python(row, context=self._context), place)
        except ValidationError as error:
            details = error.errors(include_url=False)
            self.quarantined.append(tuple(_problem(detail, row, place, self._name) for detail in details))

    def _keep(self, city: City, place: reader.Position) -> None:
        if city.id not in self.kept:
            known = self._reuse.get(city.id)
            self.kept[city.id] = city if known is None or known != city else known
            self._places[city.id] = (self._name, *place)
            return
        name, line, column = self._places[city.id]
        taken = (
            f"the id {city.id!r} is taken by {reader.format_position(name, (line, column))}; give one of them an 'id'"
        )
        problem = Problem(reader.format_position(self._name, place), f"{quote_shortened(city.name)}: {taken}")
        self.quarantined.append((problem,))


def _require_list(document: Any, name: str) -> None:
    """Raise ConfigError unless there is a list under ``cities``, the only key that a file has."""
    if not isinstance(document, reader.YamlMapping):
        place = reader.find_position(document, ())
        raise ConfigError(
            Problem(reader.format_position(name, place), "should hold 'cities:' and under it a list of cities")
        )
    unknown = [
        Problem(
            reader.format_position(name, place), f"unknown key {quote_shortened(key)}{did_you_mean(key, ['cities'])}"
        )
        for key, place in document.key_positions.items()
        if key != "cities"
    ]
    if unknown:
        raise ConfigError(*unknown)
    if not isinstance(document.get("cities"), reader.YamlSequence):
        place = reader.find_position(document, ("cities",))
        message = "'cities' should be a list: one '- {name: …, lat: …, lon: …}' a line"
        raise ConfigError(Problem(reader.format_position(name, place), message))


def _problem(detail: ErrorDetails, row: Any, place: reader.Position, name: str) -> Problem:
    if not isinstance(row, reader.YamlMapping):
        return Problem(reader.format_position(name, place), explain_error(detail, KEYS))
    named = f"{quote_shortened(row['name'])}: " if isinstance(row.get("name"), str) else ""
    unknown = detail["type"] == "unexpected_keyword_argument"
    here = reader.find_position(row, detail["loc"], key=unknown)
    return Problem(reader.format_position(name, here), named + explain_error(detail, KEYS))
