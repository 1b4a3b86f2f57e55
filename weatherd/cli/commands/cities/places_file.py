"""Cities in other programs' files: CSV, GeoJSON and OpenWeatherMap's city list. Pure functions."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ALIASES = {  # the names of each column or property, in lower case
    "name": ("name", "city", "title"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "long", "longitude"),
    "id": ("id",),
    "interval": ("interval",),
    "timezone": ("timezone", "tz"),
    "altitude": ("altitude", "elevation"),
    "region": ("region", "state", "admin1", "country"),
}


class ForeignCity(NamedTuple):
    """A city in a file of another program. The values are not validated."""

    where: str  # file:line or file: item N
    row: dict[str, Any]  # keys of the city list
    region: str  # "" if unknown


def parse_places_file(text: str, name: str) -> Iterator[ForeignCity]:
    """Parse the text of the file *name*: JSON if it begins with a bracket, else CSV.

    Raises ConfigError if it has another form.
    """
    if text.lstrip()[:1] in ("{", "["):
        return _parse_json(text, name)
    return _parse_csv(text, name)


def _parse_json(text: str, name: str) -> Iterator[ForeignCity]:
    """Parse a GeoJSON FeatureCollection (RFC 7946) of points, or a list of objects such as OpenWeatherMap's."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(Problem(name, f"is not valid JSON: {error}")) from None
    items = document.get("features") if isinstance(document, dict) else document
    if not isinstance(items, list):
        raise ConfigError(Problem(name, "should be a GeoJSON FeatureCollection, or a list of objects"))
    for number, item in enumerate(items, 1):
        yield _build(f"{name}: item {number}", _flatten(item))


def _flatten(item: Any) -> dict[str, Any]:
    """Return the properties and coordinates of a GeoJSON feature, or those of OpenWeatherMap's ``coord``."""
    if not isinstance(item, dict):
        return {}
    geometry, values = item.get("geometry"), item.get("properties") if "geometry" in item else item
    values = dict(values) if isinstance(values, dict) else {}
    match geometry:
        case {"type": "Point", "coordinates": [lon, lat, *_]}:
            values |= {"lat": lat, "lon": lon}
    if isinstance(coordinates := values.get("coord"), dict):
        values |= coordinates
    return values


def _parse_csv(text: str, name: str) -> Iterator[ForeignCity]:
    """Parse CSV with a heading; the columns may be separated by a comma, a semicolon, a tab or a bar."""
    from weatherd.config.lists.csv_delimiter import find_delimiter
    from weatherd.config.lists.csv_rows import REQUIRED_KEYS

    reader = csv.DictReader(io.StringIO(text), delimiter=find_delimiter(text), restkey="", skipinitialspace=True)
    columns = [column.strip().casefold() for column in reader.fieldnames or ()]
    missing = [f"{key!r}" for key in REQUIRED_KEYS if not set(_ALIASES[key]) & set(columns)]
    if missing:
        found = ", ".join(columns) or "none"
        raise ConfigError(Problem(name, f"has no column {' and '.join(missing)} in its heading (found: {found})"))
    try:
        for row in reader:
            yield _build(f"{name}:{reader.line_num}", {str(column): value for column, value in row.items()})
    except csv.Error as error:
        raise ConfigError(Problem(f"{name}:{reader.line_num}", f"is not valid CSV: {error}")) from None


def _parse_number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text.strip()


def _build(where: str, values: Mapping[str, Any]) -> ForeignCity:
    folded = {key.strip().casefold(): value for key, value in values.items() if value not in (None, "")}
    row = {key: value for key, aliases in _ALIASES.items() if (value := _first(folded, aliases)) is not None}
    if tags := {key.removeprefix("tags."): value for key, value in folded.items() if key.startswith("tags.")}:
        row["tags"] = tags
    if str(row.get("id", "0")).isdigit():  # another program's number
        row.pop("id", None)
    for key in ("lat", "lon", "altitude"):
        if isinstance(row.get(key), str):
            row[key] = _parse_number(row[key])
    return ForeignCity(where, row, str(row.pop("region", "")))


def _first(values: Mapping[str, Any], aliases: Iterable[str]) -> Any:
    return next((values[alias] for alias in aliases if alias in values), None)
