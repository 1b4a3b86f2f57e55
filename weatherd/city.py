"""What a city is, and how it gets its id."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
import unicodedata
import zoneinfo
from contextvars import ContextVar
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, ConfigDict, Field, FiniteFloat, StringConstraints, ValidationInfo
from pydantic.dataclasses import dataclass as validated

from weatherd.duration import Interval
from weatherd.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h"})
_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
_TURNING = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they make a line read as another one
_ID = r"^([a-z0-9][a-z0-9_-]{0,63})?$"
_is_id = re.compile(_ID).fullmatch
_words = re.compile("[a-z0-9]+").findall


def make_slug(name: str) -> str:
    """Return the id of a city that has none: ``São Paulo`` is ``sao-paulo``.

    Ids are ASCII, so that any program can take them; a name in another script gets a stable hash.
    """
    letters = name.casefold()
    if not letters.isascii():
        letters = unicodedata.normalize("NFKD", letters.translate(_LETTERS)).encode("ascii", "ignore").decode()
    words = "-".join(_words(letters))[:64].strip("-")
    return words or f"city-{hashlib.blake2b(name.encode(errors='replace'), digest_size=4).hexdigest()}"


def _one_line(text: str) -> str:
    if text.isprintable():  # that is stricter, for it refuses joiners, too, and quick
        return text
    if any(unicodedata.category(letter) in _CONTROLS or letter in _TURNING for letter in text):
        raise ValueError("should be one line of printable text")
    return text


def _id(text: str) -> str:
    if not _is_id(text):
        raise ValueError("should be lower-case letters, digits, '-' and '_', at most 64")
    return text


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


@functools.lru_cache(maxsize=100)
def _zone_hint(name: str) -> str:
    return did_you_mean(name, sorted(_zones()))


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(f"should be a time zone such as Europe/Berlin{_zone_hint(name)}")
    return name


_PROVIDERS: ContextVar[Collection[str] | None] = ContextVar("providers", default=None)


@contextlib.contextmanager
def knowing(providers: Collection[str] | None) -> Iterator[None]:
    """Let no other names pass for providers inside the ``with``; None lets any."""
    token = _PROVIDERS.set(providers)
    try:
        yield
    finally:
        _PROVIDERS.reset(token)


def _installed(name: str, info: ValidationInfo) -> str:
    known = info.context["providers"] if info.context else _PROVIDERS.get()
    if known is not None and name not in known:
        raise ValueError(f"should be one of {', '.join(sorted(known))}{did_you_mean(name, known)}")
    return name


def _different(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("should name at least one provider")
    if len(set(names)) < len(names):
        raise ValueError("should name each provider once")
    return _shared(names)


@functools.lru_cache(maxsize=100)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return one tuple for all equal ones: nearly every city of a long list has the same providers."""
    return names


Word = Annotated[str, StringConstraints(strict=True, min_length=1)]
ProviderNames = Annotated[
    tuple[Annotated[Word, AfterValidator(_installed)], ...],
    AfterValidator(_different),
    Field(json_schema_extra={"minItems": 1, "uniqueItems": True}),
]


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
        Field(strict=True, description="Names the city to programs; made from the name unless given"),
        AfterValidator(_id),
        Field(json_schema_extra={"pattern": _ID}),
    ] = ""
    interval: Annotated[Interval, Field(description="How often to ask, instead of the general interval")] = 600.0
    providers: Annotated[ProviderNames, Field(description="In order of preference, instead of the general ones")] = (
        "open-meteo",
    )
    timezone: Annotated[str, AfterValidator(_zone), Field(description="IANA name, to show times in")] | None = None

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", make_slug(self.name))


KEYS = tuple(field.name for field in fields(City))
