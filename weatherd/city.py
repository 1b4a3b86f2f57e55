"""A city of the list, and the id derived from its name."""

from __future__ import annotations

import functools
import hashlib
import re
import reprlib
import unicodedata
import zoneinfo
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.text.warning_services import WarningsSetting

_NO_ZONES = {"localtime", "Factory"}  # files beside the zones: this machine's zone, and that of a machine without one
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h"})
MAX_NAME = 200  # characters
ALTITUDES = (-500.0, 9000.0)  # meters: from below the Dead Sea to above Mount Everest
Tags = tuple[tuple[str, str], ...]  # pairs of key and value, in the order of the row
_ID = "[a-z0-9][a-z0-9_-]{0,63}"
ID_PATTERN = f"^{_ID}$"
ID_OR_EMPTY_PATTERN = f"^({_ID})?$"  # empty before it is derived from the name
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


@functools.cache
def list_zones() -> frozenset[str]:
    """Return the IANA names of all time zones."""
    return frozenset(zoneinfo.available_timezones() - _NO_ZONES)


def is_zone(name: str) -> bool:
    """Return whether there is a time zone with this IANA name."""
    return name in list_zones()


def parse_tag_value(key: str, value: Any) -> str:
    """Return the text of a tag; a number or a truth value is the text that YAML has for it. Raises ValueError."""
    text = str(value).lower() if isinstance(value, bool) else f"{value}" if isinstance(value, int | float) else value
    if not isinstance(text, str) or not text.isprintable() or not 0 < len(text.strip()) <= MAX_NAME:
        raise ValueError(f"should have one line of printable text for {key!r}, not {reprlib.repr(value)}")
    return text.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """A city to poll. Frozen and hashable. ``config.lists.city_row.CityRow`` has the rules for its values."""

    name: str
    lat: float  # degrees north, WGS 84
    lon: float  # degrees east
    id: str = ""  # derived from the name if omitted
    interval: float = 600.0  # seconds
    providers: tuple[str, ...] = ("open-meteo",)
    timezone: str | None = None
    altitude: float | None = None  # meters above sea level
    tags: Tags = ()
    warnings: WarningsSetting = "off"  # services of the official warnings
    backfill: float = 86400.0  # seconds back in which gaps in the journal are filled; 0: they are not
    compare: tuple[str, ...] = ()  # providers that are polled for comparison only
    station: str = ""  # of a provider of which the list may choose one; "": the nearest
    plugins: tuple[tuple[str, Any], ...] = ()  # pairs of plug-in name and model

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
_set_timezone, _set_altitude, _set_tags, _set_warnings, _set_backfill, _set_compare, _set_station, *_rest = _set_others
(_set_plugins,) = _rest


def build_city(  # noqa: PLR0917 - positional, because keywords cost time in this function
    name: str,
    lat: float,
    lon: float,
    city_id: str,
    altitude: float | None,
    interval: float,
    providers: tuple[str, ...],
    timezone: str | None,
    tags: Tags,
    warnings: WarningsSetting,
    backfill: float,
    compare: tuple[str, ...] = (),
    station: str = "",
    plugins: tuple[tuple[str, Any], ...] = (),
) -> City:
    """Return the city with these valid values in a third of the constructor's time. *city_id* may be empty."""
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
    _set_warnings(city, warnings)
    _set_backfill(city, backfill)
    _set_compare(city, compare)
    _set_station(city, station)
    _set_plugins(city, plugins)
    return city


def is_plain_city(name: Any, lat: float, lon: float, altitude: float | None) -> TypeGuard[str]:
    """Return whether pydantic would accept these values unchanged, in a fraction of its time.

    *name* must not be empty, nor begin or end with white space. Returns False for some unusual valid values.
    """
    return (
        type(name) is str
        and len(name) <= MAX_NAME
        and name.isprintable()
        and -90 <= lat <= 90  # noqa: PLR2004 - degrees
        and -180 <= lon <= 180  # noqa: PLR2004 - degrees
        and (altitude is None or ALTITUDES[0] <= altitude <= ALTITUDES[1])
    )
