"""YAML lists with one row per line, read by a pattern, which takes a quarter of the YAML parser's time.

The pattern accepts a part of YAML that cannot have another meaning, and only valid rows are taken from it::

    cities:
      - {name: Kiel, lat: 54.3, lon: 10.1}
      - {name: "Ulm", id: ulm, lat: 48.4, lon: 9.99, interval: 5m, timezone: Europe/Berlin, tags: {region: south}}

All other lines, and rows with mistakes, are passed to the parser, so that every message is the parser's.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from weatherd.city import build_city, is_plain_city
from weatherd.config.lists.text_lines import split_blocks
from weatherd.config.yaml import reader
from weatherd.config.yaml.scalars import parse_scalar
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.city import City, Tags
    from weatherd.config.yaml.reader import Position
    from weatherd.text.warning_services import WarningsSetting

    Texts = tuple[
        str | None, str | None, str | None, str | None, str | None, str | None, str | None, str | None
    ]  # of the keys that many rows share
    SharedValues = tuple[float, tuple[str, ...], str | None, Tags, WarningsSetting, float, tuple[str, ...], str]
    FindSettings = Callable[[Texts], SharedValues | None]

# The characters above ASCII that YAML allows, without line breaks (U+0085, U+2028, U+2029) and the byte order mark
_OTHER = "\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
# Text that is not empty, and has no space at its ends
_QUOTED = rf"""(?:"(?! )[ !#-\[\]-~{_OTHER}]+(?<! )"|'(?! )[ -&(-~{_OTHER}]+(?<! )')"""
_WORD = rf"[A-Za-z0-9_.()'&/{_OTHER}-]+"
_NUMBER = r"-?(?:[0-9]{1,3}\.[0-9]{1,20}|[1-9][0-9]{0,2})"
_TAG_WORD = rf"[A-Za-z{_OTHER}]{_WORD[:-1]}*"
_TAG = rf"{_TAG_WORD}: {_TAG_WORD}(?: {_WORD})*"
_VALUES = {
    "name": rf"{_QUOTED}|(?=[A-Za-z{_OTHER}]){_WORD}(?: {_WORD})*",
    "lat": _NUMBER,
    "lon": _NUMBER,
    "id": r"(?!(?:true|false|null)\b)[a-z][a-z0-9_-]{0,63}|'[a-z0-9][a-z0-9_-]{0,63}'|\"[a-z0-9][a-z0-9_-]{0,63}\"",
    "timezone": rf"{_QUOTED}|[A-Z][A-Za-z0-9_/+-]*",
    "interval": rf"{_QUOTED}|[0-9][0-9a-z.]{{0,19}}|auto(?: [0-9][0-9a-z.]{{0,39}})?",
    "providers": r"\[[a-z][a-z0-9-]*(?:, [a-z][a-z0-9-]*)*\]",
    "altitude": r"-?(?:[0-9]{1,4}\.[0-9]{1,9}|0|[1-9][0-9]{0,3})",
    "tags": rf"\{{{_TAG}(?:, {_TAG})*\}}",
    "warnings": r"auto|off|\[[a-z][a-z-]*(?:, [a-z][a-z-]*)*\]",
    "backfill": rf"{_QUOTED}|[0-9][0-9a-z.]{{0,19}}",
    "compare": r"\[[a-z][a-z0-9-]*(?:, [a-z][a-z0-9-]*)*\]",
    "station": r"[A-Z]{4}",
}
_COMMENT = rf"#[ -~{_OTHER}]*"
_PAIRS = "|".join(rf"{key}: (?P<{key}>{value})" for key, value in _VALUES.items())
LONG_LIST = 10_000  # characters; the parser takes less time for a shorter one than it takes to compile the patterns


class _Patterns(NamedTuple):
    row: Callable[[str], re.Match[str] | None]
    blank: Callable[[str], re.Match[str] | None]
    heading: Callable[[str], re.Match[str] | None]


@functools.cache
def _patterns() -> _Patterns:
    """Compile the patterns when they are first used, because that takes 40 ms."""
    blank_lines = rf"(?: *(?:{_COMMENT})?\r?\n)*"
    return _Patterns(
        re.compile(rf"(?P<indent> *)- \{{(?:(?:{_PAIRS})(?:, |(?=\}})))+\}} *(?: {_COMMENT})?\r?").fullmatch,
        re.compile(rf" *(?:{_COMMENT})?\r?").fullmatch,
        re.compile(rf"{blank_lines}(?:---\r?\n{blank_lines})?cities: *(?: {_COMMENT})?\r?\n{blank_lines}").match,
    )


class RowSink(Protocol):
    """The consumer of a list's rows."""

    def make_salt(self, *layout: str) -> int:
        """Return what a row's key has beside its text: the layout of its file and what else its city depends on."""

    def find_city(self, key: int) -> City | None:
        """Return the city of a row of the previous list with this key."""

    def reuse_equal(self, city: City) -> City:
        """Return the equal city of the previous list, or *city* itself."""

    def validate(self, row: Any) -> City:
        """Return the city of a row. Raises pydantic's ValidationError."""

    def add_cities(self, cities: Sequence[City], keys: Sequence[int], position: Position) -> None:
        """Add the cities of consecutive lines, as :meth:`add_city` does; *position* is that of the first one."""

    def add_city(self, city: City, position: Position, key: int = 0) -> None:
        """Add a city, or quarantine its row if its id is taken; *key* is for the next reload."""

    def add_row(self, row: Any, position: Position, shift: int = 0) -> None:
        """Add a row or quarantine it; the positions of its values are *shift* lines further down in the file."""


class UnusualLayoutError(Exception):
    """The parser has to read the whole file."""


def add_yaml_lines(text: str, sink: RowSink) -> None:
    """Pass the rows in *text* to *sink*, in their order.

    Raises UnusualLayoutError, possibly after *sink* was called, if the parser has to read the whole file: the first
    row has another layout, or the file may have an error.
    """
    match_row, match_blank, match_heading = _patterns()
    heading = match_heading(text)
    start = heading.end() if heading else 0
    first = match_row(text[start:].partition("\n")[0]) if heading else None
    if not first:
        raise UnusualLayoutError
    indent: str = first["indent"]
    number, column = text.count("\n", 0, start) + 1, len(indent) + 3
    unusual: list[str] = []
    find_city, salt = sink.find_city, sink.make_salt("yaml", indent)
    find_settings = functools.lru_cache(maxsize=1000)(functools.partial(_find_settings, sink))
    for lines in split_blocks(text, start):
        keys = [hash(line) ^ salt for line in lines]
        cities = [
            find_city(key) or _read_row(match_row(line), line, indent, find_settings, sink)
            for key, line in zip(keys, lines, strict=True)
        ]
        if len(plain := [city for city in cities if city]) == len(lines) and not unusual:
            sink.add_cities(plain, keys, (number, column))
            number += len(lines)
            continue
        for line, key, city in zip(lines, keys, cities, strict=True):
            if city:
                if unusual:
                    _add_unusual_rows(unusual, number - len(unusual), indent, sink)
                    unusual = []
                sink.add_city(city, (number, column), key)
            elif unusual or not match_blank(line):
                unusual.append(line)
            number += 1
    if unusual:
        _add_unusual_rows(unusual, number - len(unusual), indent, sink)


def _read_row(
    match: re.Match[str] | None, line: str, indent: str, find_settings: FindSettings, sink: RowSink
) -> City | None:
    """Return the city of a row with this indent; None if the parser has to read the line."""
    groups = match.groups() if match else ()
    city = _build_city(groups, line, find_settings) if groups and groups[0] == indent else None
    return city and sink.reuse_equal(city)


def _build_city(groups: tuple[Any, ...], line: str, find_settings: FindSettings) -> City | None:
    """Return the city of a row; None if the parser has to read the row, because it may have a mistake."""
    _, name, latitude, longitude, city_id, timezone, interval, providers, height, tags, *others = groups
    colons = len(_VALUES) - groups.count(None) + (tags.count(":") if tags else 0)
    if not (name and latitude and longitude and line.count(":") == colons):  # else a key is repeated
        return None
    settings = find_settings((interval, providers, timezone, tags, *others))
    name = name[1:-1] if name[0] in "\"'" else parse_scalar(name)  # as _parse_text does, without the call's cost
    lat, lon, altitude = float(latitude), float(longitude), height and float(height)
    if not (settings and is_plain_city(name, lat, lon, altitude)):
        return None
    return build_city(name, lat, lon, city_id and city_id.strip("\"'"), altitude, *settings)


def _find_settings(sink: RowSink, texts: Texts) -> SharedValues | None:
    """Return the values that all rows with these texts share; None if one is invalid."""
    interval, providers, timezone, tags, warnings, backfill, compare, station = texts
    row: dict[str, Any] = {"name": "any", "lat": 0, "lon": 0}
    try:
        words = {"interval": interval, "timezone": timezone, "backfill": backfill, "station": station}
        row |= {key: _parse_text(text) for key, text in words.items() if text}
        row |= {key: _parse_words(text) for key, text in (("providers", providers), ("compare", compare)) if text}
        if tags:
            pairs = [pair.split(": ") for pair in tags[1:-1].split(", ")]
            row["tags"] = {key: parse_scalar(text) for key, text in pairs}
            if len(row["tags"]) < len(pairs):
                return None
        if warnings:
            row["warnings"] = _parse_words(warnings) if warnings[0] == "[" else warnings
        city = sink.validate(row)
    except ValueError:
        return None
    shared = city.interval, city.providers, city.timezone, city.tags, city.warnings, city.backfill, city.compare
    return *shared, city.station


def _parse_words(text: str) -> list[Any]:
    return [parse_scalar(word) for word in text[1:-1].split(", ")]


def _parse_text(text: str) -> Any:
    return text[1:-1] if text[0] in "\"'" else parse_scalar(text)


def _add_unusual_rows(lines: list[str], number: int, indent: str, sink: RowSink) -> None:
    """Parse the *lines* from line *number* of the file, and pass their rows to *sink*.

    They are parsed between two rows, to be sure that they leave the list as they found it: they may end within a
    quoted text, for example, which the next row then belongs to, or have line breaks that were not counted, such as
    U+0085. Raises UnusualLayoutError.
    """
    text = "\n".join(lines)
    if "&" in text and "*" in text:  # because aliases are counted in the whole file
        raise UnusualLayoutError
    found: list[tuple[Any, Position]] = []
    rows = {"cities": lambda row, position: found.append((row, position))}
    try:
        document = reader.parse_yaml(f"cities:\n{indent}- 0\n{text}\n{indent}- 0\n", "", rows)
    except ConfigError:
        raise UnusualLayoutError from None
    ends = [(0, (line, len(indent) + 3)) for line in (2, len(lines) + 3)]
    if document.keys() != {"cities"} or [found[0], found[-1]] != ends:
        raise UnusualLayoutError
    shift = number - 3
    for row, (line, column) in found[1:-1]:
        sink.add_row(row, (line + shift, column), shift)
