"""The list of cities: how a file or a folder of files becomes rows, the bad ones set aside."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from weatherd import yamlfile
from weatherd.city import KEYS, City, knowing
from weatherd.complaints import complain, shortened
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


def load(path: Path, providers: Collection[str], general: Mapping[str, Any] = _NOTHING) -> CityList:
    """Read a file, or every ``*.yaml`` and ``*.yml`` of a folder in the order of their names.

    *general* holds what a row has that does not say otherwise. A bad row, one with a provider that is not among
    *providers* too, is quarantined: it is reported with its place and the others are kept. Raises ConfigError when
    something cannot be read, is not YAML, or holds no list under ``cities``.
    """
    return collect(((str(file), yamlfile.read(file)) for file in files(path)), providers, general)


def collect(
    texts: Iterable[tuple[str, str]], providers: Collection[str], general: Mapping[str, Any] = _NOTHING
) -> CityList:
    """Return the list that *texts* hold: pairs of a file's name and its text."""
    kept: dict[str, tuple[City, str]] = {}
    quarantined: list[tuple[Problem, ...]] = []
    with knowing(providers):
        for name, text in texts:
            rows = _rows(name, text)
            for row, place in zip(rows, rows.places, strict=True):
                city, problems = _row(row, place, name, general)
                if city and city.id in kept:
                    whose = f"the id {city.id!r} is taken by {kept[city.id][1]}; give one of them an 'id'"
                    problems = (Problem(yamlfile.where(name, place), f"{shortened(city.name)}: {whose}"),)
                elif city:
                    kept[city.id] = (city, yamlfile.where(name, place))
                if problems:
                    quarantined.append(problems)
    return CityList(tuple(city for city, _ in kept.values()), tuple(quarantined))


def files(path: Path) -> list[Path]:
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


def _rows(name: str, text: str) -> yamlfile.Sequence:
    """Return the list under ``cities``, the only key that a file has."""
    document = yamlfile.parse(text, name)
    if not isinstance(document, yamlfile.Mapping):
        place = yamlfile.locate(document, ())
        raise ConfigError(Problem(yamlfile.where(name, place), "should hold 'cities:' and under it a list of cities"))
    unknown = [
        Problem(yamlfile.where(name, place), f"unknown key {shortened(key)}{did_you_mean(key, ['cities'])}")
        for key, place in document.key_places.items()
        if key != "cities"
    ]
    if unknown:
        raise ConfigError(*unknown)
    rows = document.get("cities")
    if not isinstance(rows, yamlfile.Sequence):
        place = yamlfile.locate(document, ("cities",))
        message = "'cities' should be a list: one '- {name: …, lat: …, lon: …}' a line"
        raise ConfigError(Problem(yamlfile.where(name, place), message))
    return rows


def _row(
    row: Any, place: yamlfile.Place, name: str, general: Mapping[str, Any]
) -> tuple[City | None, tuple[Problem, ...]]:
    """Return the city of a row, or else what is wrong with it."""
    missing = {key: value for key, value in general.items() if isinstance(row, dict) and row.get(key) is None}
    try:
        return _CITY.validate_python({**row, **missing} if missing else row), ()
    except ValidationError as error:
        return None, tuple(_problem(detail, row, place, name) for detail in error.errors(include_url=False))


def _problem(detail: ErrorDetails, row: Any, place: yamlfile.Place, name: str) -> Problem:
    if not isinstance(row, yamlfile.Mapping):
        return Problem(yamlfile.where(name, place), complain(detail, KEYS))
    named = f"{shortened(row['name'])}: " if isinstance(row.get("name"), str) else ""
    unknown = detail["type"] == "unexpected_keyword_argument"
    here = yamlfile.locate(row, detail["loc"], key=unknown)
    return Problem(yamlfile.where(name, here), named + complain(detail, KEYS))
