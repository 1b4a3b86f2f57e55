"""A city of the list, and the id derived from its name."""

from __future__ import annotations

import functools
import hashlib
import re
import reprlib
import unicodedata
import zoneinfo
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.dataclasses import dataclass as validated

from weatherd.text.duration import Interval
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

_NO_ZONES = {"localtime", "Factory"}  # files beside the zones: this machine's zone, and that of a machine without one
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h"})
_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
_BIDI_CONTROLS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they reorder the text of a line
_MAX_NAME = 200  # characters
ALTITUDES = (-500.0, 9000.0)  # meters: from below the Dead Sea to above Mount Everest
_MAX_TAGS, _MAX_TAG_KEY = 20, 64  # characters of a key
Tags = tuple[tuple[str, str], ...]  # pairs of key and value, in the order of the row
_ID = "[a-z0-9][a-z0-9_-]{0,63}"
ID_PATTERN = f"^{_ID}$"
_ID_OR_EMPTY = f"^({_ID})?$"  # empty before it is derived from the name
_is_id_or_empty = re.compile(_ID_OR_EMPTY).fullmatch
_words = re.compile("[a-z0-9]+").findall
_has_letter = re.compile("[a-z]").search


def make_slug(name: str) -> str:
    """Return the id for a city's name: ``sao-paulo`` for ``São Paulo``, ``moskva`` for ``Москва``.

    Ids are ASCII, so that any program can handle them. A name without Latin letters is transliterated. Only one without
    any letter, digit or symbol that has a name, such as ``?!``, gets a hash.
    """
    latin = _join_latin(name)
    if _has_letter(latin) or name.isascii():
        return latin or _hash_name(name)
    from anyascii import anyascii  # noqa: PLC0415 - rarely used

    return _join_words(anyascii(unicodedata.normalize("NFC", name)).casefold()) or latin or _hash_name(name)


def make_former_slug(name: str) -> str:
    """Return the id that earlier releases made from a name: a hash of a name without Latin letters and digits."""
    return _join_latin(name) or _hash_name(name)


def _join_latin(name: str) -> str:
    letters = name.casefold()
    if not letters.isascii():
        letters = unicodedata.normalize("NFKD", letters.translate(_LETTERS)).encode("ascii", "ignore").decode()
    return _join_words(letters)


def _join_words(letters: str) -> str:
    return "-".join(_words(letters))[:64].strip("-")


def _hash_name(name: str) -> str:
    return f"city-{hashlib.blake2b(name.encode(errors='replace'), digest_size=4).hexdigest()}"


def _check_one_line(text: str) -> str:
    if text.isprintable():  # fast, but stricter than the rule: it also rejects joiners, which are allowed
        return text
    if any(unicodedata.category(letter) in _CONTROLS or letter in _BIDI_CONTROLS for letter in text):
        raise ValueError("should be one line of printable text")
    return text


def _check_id(text: str) -> str:
    if not _is_id_or_empty(text):
        raise ValueError("should be lower-case letters, digits, '-' and '_', at most 64")
    return text


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones() - _NO_ZONES)


@functools.lru_cache(maxsize=100)
def _zone_hint(name: str) -> str:
    return did_you_mean(name, sorted(_zones()))


def is_zone(name: str) -> bool:
    """Return whether there is a time zone with this IANA name."""
    return name in _zones()


def _check_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError(f"should be a time zone such as Europe/Berlin{_zone_hint(name)}")
    return name


def _check_installed(name: str, info: ValidationInfo) -> str:
    known = info.context["providers"] if info.context else None
    if known is not None and name not in known:
        hint = did_you_mean(name, known)
        raise ValueError(f"should be one of {', '.join(sorted(known))}, not {reprlib.repr(name)}{hint}")
    return name


def _check_distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("should name at least one provider")
    if len(set(names)) < len(names):
        raise ValueError("should name each provider once")
    return _intern(names)


@functools.lru_cache(maxsize=100)
def _intern(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the same object for equal tuples: nearly all cities of a long list share their providers."""
    return names


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


def parse_tag_value(key: str, value: Any) -> str:
    """Return the text of a tag; a number or a truth value is the text that YAML has for it. Raises ValueError."""
    text = str(value).lower() if isinstance(value, bool) else f"{value}" if isinstance(value, int | float) else value
    if not isinstance(text, str) or not text.isprintable() or not 0 < len(text.strip()) <= _MAX_NAME:
        raise ValueError(f"should have one line of printable text for {key!r}, not {reprlib.repr(value)}")
    return text.strip()


@functools.lru_cache(maxsize=1000)
def _intern_tags(tags: Tags) -> Tags:
    """Return the same object for equal tags, which many cities of a long list share."""
    return tags


Word = Annotated[str, StringConstraints(strict=True, min_length=1)]
ProviderNames = Annotated[
    tuple[Annotated[Word, AfterValidator(_check_installed)], ...],
    AfterValidator(_check_distinct),
    Field(json_schema_extra={"minItems": 1, "uniqueItems": True}),
]


ZoneName = Annotated[str, AfterValidator(_check_zone)]


@validated(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class City:
    """A city to poll: coordinates in WGS 84 degrees, ``interval`` in seconds. Frozen and hashable."""

    name: Annotated[
        str,
        StringConstraints(strict=True, min_length=1, max_length=_MAX_NAME, strip_whitespace=True),
        AfterValidator(_check_one_line),
        Field(description="The name, displayed unchanged"),
    ]
    lat: Annotated[FiniteFloat, Field(strict=True, ge=-90, le=90, description="Latitude, degrees north")]
    lon: Annotated[FiniteFloat, Field(strict=True, ge=-180, le=180, description="Longitude, degrees east")]
    id: Annotated[
        str,
        Field(strict=True, description="Identifies the city to programs; derived from the name if omitted"),
        AfterValidator(_check_id),
        Field(json_schema_extra={"pattern": _ID_OR_EMPTY}),
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
    plugins: Annotated[
        tuple[tuple[str, Any], ...],
        BeforeValidator(_validate_plugins),
        WithJsonSchema({"type": "object"}),
        Field(description="One section of keys per plug-in: {my-provider: {station: 12}}"),
    ] = ()

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", make_slug(self.name))

    def has_tags(self, wanted: Iterable[tuple[str, str]]) -> bool:
        """Return whether the city has all of these tags."""
        return all(tag in self.tags for tag in wanted)

    def plugin(self, name: str) -> Any:
        """Return a plug-in's keys in this city's row as its ``city_model``; None if the row has none."""
        return dict(self.plugins).get(name)


KEYS = tuple(field.name for field in fields(City))
# The setters of the slots, which are faster than object.__setattr__
_SETTERS = tuple(vars(City)[key].__set__ for key in KEYS)
_set_name, _set_lat, _set_lon, _set_id, _set_interval, _set_providers, *_set_others = _SETTERS
_set_timezone, _set_altitude, _set_tags, _set_plugins = _set_others


def make_plain_city(  # noqa: PLR0917 - positional, because keywords cost time in this function
    name: Any,
    lat: float,
    lon: float,
    city_id: str,
    altitude: float | None,
    interval: float,
    providers: tuple[str, ...],
    timezone: str | None,
    tags: Tags,
) -> City | None:
    """Return the city that pydantic would make of the same values, in a quarter of its time.

    *city_id* and all values from *interval* on must be valid; *name* must not be empty, nor begin or end with white
    space. Returns None if a value is invalid, and for some unusual valid ones.
    """
    if not (
        type(name) is str
        and len(name) <= _MAX_NAME
        and name.isprintable()
        and -90 <= lat <= 90  # noqa: PLR2004 - degrees
        and -180 <= lon <= 180  # noqa: PLR2004 - degrees
        and (altitude is None or ALTITUDES[0] <= altitude <= ALTITUDES[1])
    ):
        return None
    city = object.__new__(City)
    _set_name(city, name)
    _set_lat(city, lat)
    _set_lon(city, lon)
    _set_id(city, city_id or make_slug(name))
    _set_interval(city, interval)
    _set_providers(city, providers)
    _set_timezone(city, timezone)
    _set_altitude(city, altitude)
    _set_tags(city, tags)
    _set_plugins(city, ())
    return city
