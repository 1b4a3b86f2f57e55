"""A row of the city list: the rules for its keys."""

from __future__ import annotations

import functools
import operator
import re
import reprlib
import unicodedata
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.dataclasses import dataclass as validated

from weatherd.city import ALTITUDES, ID_OR_EMPTY_PATTERN, MAX_NAME, City, Tags, build_city, parse_tag_value
from weatherd.config.sections.value_types import ComparedNames, Duration, Interval, ProviderNames, ZoneName
from weatherd.freshness import plan_interval
from weatherd.text.warning_services import WARNINGS_SCHEMA, WarningsSetting, intern_choice, parse_warnings

_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
_BIDI_CONTROLS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they reorder the text of a line
_STATION = "^([A-Za-z0-9]{4})?$"
_MAX_TAGS, _MAX_TAG_KEY = 20, 64  # characters of a key


def _check_one_line(text: str) -> str:
    if text.isprintable():  # fast, but stricter than the rule: it also rejects joiners, which are allowed
        return text
    if any(unicodedata.category(letter) in _CONTROLS or letter in _BIDI_CONTROLS for letter in text):
        raise ValueError("should be one line of printable text")
    return text


def _check_id(text: str) -> str:
    if not re.fullmatch(ID_OR_EMPTY_PATTERN, text):
        raise ValueError("should be lower-case letters, digits, '-' and '_', at most 64")
    return text


def _check_station(text: str) -> str:
    if not re.fullmatch(_STATION, text):
        raise ValueError("should be the four letters or digits of an airport (ICAO), such as EDDH")
    return text.upper()


def _validate_plugins(value: Any, info: ValidationInfo) -> Any:
    """Validate the ``plugins`` of a row and return pairs of plug-in name and model; pass on a tuple of such pairs."""
    if value is None or value == {}:
        return ()
    if isinstance(value, tuple) or not info.context:
        return value
    validated = info.context["plugin_models"]().model_validate(value, extra="forbid")
    aliases = {name: str(field.alias) for name, field in type(validated).model_fields.items()}
    found = tuple((aliases[name], model) for name, model in validated if model is not None)
    try:
        hash(found)
    except TypeError as error:
        raise ValueError(f"has a model that is not frozen and hashable: {error}") from None
    return found


def _validate_tags(value: Any) -> Any:
    """Return the ``tags`` of a row as pairs of texts, so that a city is hashable; pass on a tuple of such pairs."""
    if value is None or isinstance(value, tuple):
        return value or ()
    if not isinstance(value, dict):
        raise ValueError("should be keys and values such as {region: north}")  # noqa: TRY004 - pydantic reports ValueError only
    if len(value) > _MAX_TAGS:
        raise ValueError(f"should be at most {_MAX_TAGS} tags")
    return tuple((_check_tag_key(key), parse_tag_value(key, text)) for key, text in value.items())


def _check_tag_key(key: Any) -> str:
    if not isinstance(key, str) or not key.isprintable() or "=" in key or not 0 < len(key.strip()) <= _MAX_TAG_KEY:
        raise ValueError(
            f"has the key {reprlib.repr(key)}: a key is printable text without '=', at most {_MAX_TAG_KEY}"
        )
    return key.strip()


@functools.lru_cache(maxsize=1000)
def _intern_tags(tags: Tags) -> Tags:
    """Return the same object for equal tags, which many cities of a long list share."""
    return tags


@validated(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", title="City"))
class CityRow:
    """A city to poll: coordinates in WGS 84 degrees, ``interval`` in seconds. Frozen and hashable."""

    name: Annotated[
        str,
        StringConstraints(strict=True, min_length=1, max_length=MAX_NAME, strip_whitespace=True),
        AfterValidator(_check_one_line),
        Field(description="The name, displayed unchanged"),
    ]
    lat: Annotated[FiniteFloat, Field(strict=True, ge=-90, le=90, description="Latitude, degrees north")]
    lon: Annotated[FiniteFloat, Field(strict=True, ge=-180, le=180, description="Longitude, degrees east")]
    id: Annotated[
        str,
        Field(strict=True, description="Identifies the city to programs; derived from the name if omitted"),
        AfterValidator(_check_id),
        Field(json_schema_extra={"pattern": ID_OR_EMPTY_PATTERN}),
    ] = ""
    interval: Annotated[Interval, Field(description="Time between two polls; overrides the general interval")] = 600.0
    providers: Annotated[
        ProviderNames, Field(description="In order of preference; overrides the general providers")
    ] = ("open-meteo",)
    timezone: Annotated[
        ZoneName | None, Field(description="IANA name of the time zone for local times; overrides the general one")
    ] = None
    altitude: Annotated[
        FiniteFloat | None, Field(strict=True, ge=ALTITUDES[0], le=ALTITUDES[1], description="Meters above sea level")
    ] = None
    tags: Annotated[
        Tags,
        BeforeValidator(_validate_tags),
        AfterValidator(_intern_tags),
        WithJsonSchema({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}),
        Field(description="Keys and values of your own, to select cities by: {region: north}"),
    ] = ()
    warnings: Annotated[
        WarningsSetting,
        BeforeValidator(parse_warnings),
        AfterValidator(intern_choice),
        WithJsonSchema(dict(WARNINGS_SCHEMA)),
        Field(description="Official warnings: auto, off, or a list of services; overrides the general setting"),
    ] = "off"
    backfill: Annotated[Duration, Field(description="How far back gaps are filled; overrides the general setting")] = (
        86400.0
    )
    compare: Annotated[
        ComparedNames, Field(description="Providers polled for comparison only; overrides the general setting")
    ] = ()
    station: Annotated[
        str,
        Field(strict=True, description="The airport whose reports are used, for metar: EDDH; the nearest if omitted"),
        AfterValidator(_check_station),
        Field(json_schema_extra={"pattern": _STATION}),
    ] = ""
    plugins: Annotated[
        tuple[tuple[str, Any], ...],
        BeforeValidator(_validate_plugins),
        WithJsonSchema({"type": "object"}),
        Field(description="One section of keys per plug-in: {my-provider: {station: 12}}"),
    ] = ()


_ROW = TypeAdapter(CityRow)
_values = operator.attrgetter(
    "name",
    "lat",
    "lon",
    "id",
    "altitude",
    "interval",
    "providers",
    "timezone",
    "tags",
    "warnings",
    "backfill",
    "compare",
    "station",
    "plugins",
)


def validate_city(row: Any, context: dict[str, Any] | None = None) -> City:
    """Return the city of a row; the planned average of ``interval: auto`` follows from its first provider.

    Raises pydantic's ValidationError.

    *context* has the names of the installed ``providers``, and under ``plugin_models`` a function that returns the
    model of all plug-ins' keys.
    """
    values = _values(_ROW.validate_python(row, context=context))
    name, lat, lon, city_id, altitude, interval, providers, *others = values
    interval = plan_interval(interval, providers[0])
    return build_city(name, lat, lon, city_id, altitude, interval, providers, *others)
