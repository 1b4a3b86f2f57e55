"""The list of cities: what a row is, and how a file or a folder of files becomes rows."""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zoneinfo
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass as validated

from weatherd import yamlfile
from weatherd.complaints import complain
from weatherd.duration import Interval
from weatherd.errors import ConfigError, Problem, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pydantic_core import ErrorDetails


def slug(name: str) -> str:
    """Return the id of a city that has none: ``São Paulo`` is ``sao-paulo``.

    Ids are ASCII because MQTT topics and Home Assistant want them so; a name in another script gets a stable hash.
    """
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    words = "-".join(re.findall("[a-z0-9]+", plain))[:64].strip("-")
    return words or f"city-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("should be one line of printable text")
    return text


def _zone(name: str) -> str:
    zones = zoneinfo.available_timezones()
    if name not in zones:
        raise ValueError(f"should be a time zone such as Europe/Berlin{did_you_mean(name, zones)}")
    return name


Word = Annotated[str, StringConstraints(strict=True, min_length=1)]


@validated(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class City:
    """A place to watch. The coordinates are WGS 84 degrees; ``interval`` is in seconds."""

    name: Annotated[
        str,
        StringConstraints(strict=True, min_length=1, max_length=200, strip_whitespace=True),
        AfterValidator(_one_line),
        Field(description="What people call it; printed as it is"),
    ]
    lat: Annotated[FiniteFloat, Field(strict=True, ge=-90, le=90, description="Latitude, degrees north")]
    lon: Annotated[FiniteFloat, Field(strict=True, ge=-180, le=180, description="Longitude, degrees east")]
    id: Annotated[
        str,
        StringConstraints(strict=True, pattern=r"^([a-z0-9][a-z0-9_-]{0,63})?$"),
        Field(description="Names the city to programs; made from the name unless given"),
    ] = ""
    interval: Annotated[Interval, Field(description="How often to ask, instead of the general interval")] | None = None
    providers: (
        Annotated[
            tuple[Word, ...],
            Field(min_length=1, description="Providers in order of preference, instead of the general ones"),
        ]
        | None
    ) = None
    timezone: Annotated[str, AfterValidator(_zone), Field(description="IANA name, to show times in")] | None = None

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", slug(self.name))


KEYS = tuple(field.name for field in fields(City))
_CITY = TypeAdapter(City)


@dataclass(frozen=True, slots=True)
class CityList:
    """What a file or folder holds: the good rows in their order, and for each of the others what is wrong."""

    cities: tuple[City, ...]
    quarantined: tuple[tuple[Problem, ...], ...] = ()


def load(path: Path, providers: Collection[str]) -> CityList:
    """Read a file, or every ``*.yaml`` and ``*.yml`` of a folder in the order of their names.

    A bad row, one with a provider that is not among *providers* too, is quarantined: it is reported with its place
    and the others are kept. Raises ConfigError when something cannot be read, is not YAML, or holds no list under
    ``cities``.
    """
    kept: dict[str, tuple[City, str]] = {}
    quarantined: list[tuple[Problem, ...]] = []
    for file in files(path):
        rows = _rows(file)
        for row, place in zip(rows, rows.places, strict=True):
            here = yamlfile.where(str(file), place)
            city, problems = _row(row, place, file, providers)
            if city and city.id in kept:
                message = f"{city.name!r}: the id {city.id!r} is taken by {kept[city.id][1]}; give one of them an 'id'"
                quarantined.append((Problem(here, message),))
            elif city:
                kept[city.id] = (city, here)
            else:
                quarantined.append(problems)
    return CityList(tuple(city for city, _ in kept.values()), tuple(quarantined))


def files(path: Path) -> list[Path]:
    """Return the files that a list is made of: *path* itself, or the YAML files in it, hidden ones left out."""
    if not path.is_dir():
        return [path]
    found = [file for file in path.iterdir() if file.suffix in (".yaml", ".yml") and not file.name.startswith(".")]
    if not found:
        raise ConfigError(Problem(str(path), "is a folder without a *.yaml file"))
    return sorted(found)


def _rows(file: Path) -> yamlfile.Sequence:
    """Return the list under ``cities``, the only key that a file has."""
    document = yamlfile.parse(yamlfile.read(file), str(file))
    if not isinstance(document, yamlfile.Mapping) or "cities" not in document:
        place = yamlfile.locate(document, ())
        raise ConfigError(
            Problem(yamlfile.where(str(file), place), "should hold 'cities:' and under it a list of cities")
        )
    for key, place in document.key_places.items():
        if key != "cities":
            message = f"unknown key {key!r}{did_you_mean(key, ['cities'])}"
            raise ConfigError(Problem(yamlfile.where(str(file), place), message))
    rows = document["cities"]
    if not isinstance(rows, yamlfile.Sequence):
        where = yamlfile.where(str(file), document.places["cities"])
        raise ConfigError(Problem(where, "'cities' should be a list: one '- {name: …, lat: …, lon: …}' a line"))
    return rows


def _row(
    row: Any, place: yamlfile.Place, file: Path, providers: Collection[str]
) -> tuple[City | None, tuple[Problem, ...]]:
    """Return the city of a row, or else what is wrong with it."""
    try:
        city = _CITY.validate_python(row)
    except ValidationError as error:
        return None, tuple(_problem(detail, row, place, file) for detail in error.errors())
    for index, provider in enumerate(city.providers or ()):
        if provider not in providers:
            here = yamlfile.where(str(file), yamlfile.locate(row, ("providers", index)))
            return None, (Problem(here, f"{city.name!r}: {unknown_provider(provider, providers)}"),)
    return city, ()


def _problem(detail: ErrorDetails, row: Any, place: yamlfile.Place, file: Path) -> Problem:
    named = f"{row['name']!r}: " if isinstance(row, dict) and isinstance(row.get("name"), str) else ""
    unknown = detail["type"] == "unexpected_keyword_argument"
    here = yamlfile.locate(row, detail["loc"], key=unknown) if isinstance(row, yamlfile.Mapping) else place
    return Problem(yamlfile.where(str(file), here), named + complain(detail, KEYS))


def unknown_provider(name: str, providers: Collection[str]) -> str:
    """Say that there is no such provider, and which there are."""
    return f"there is no provider {name!r}{did_you_mean(name, providers)} (there are {', '.join(sorted(providers))})"
