"""An observation as text: the user's own line, and the plain values of JSON and CSV."""

from __future__ import annotations

import functools
import re
import string
import zoneinfo
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from weatherd.city import City
from weatherd.errors import did_you_mean
from weatherd.observation import FIELDS, FetchedObservation, Observation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

TEMPLATE_FIELDS = ("name", *FIELDS)
_TIMES = (TEMPLATE_FIELDS.index("observed_at"), TEMPLATE_FIELDS.index("fetched_at"))

_NOT_ZERO = re.compile("[1-9a-zA-Z]")
_WIDE = re.compile(r"\d{4}")


class _UnfitError(ValueError):
    """What the format string should not hold."""


class _Field(NamedTuple):
    """A field of a template, and what stands before it."""

    before: str
    place: int  # in NAMES
    conversion: str | None
    spec: str

    def fill(self, values: Sequence[Any], zone: tzinfo) -> str:
        """Return the text up to the end of the field: a dash for what is not known, and never -0."""
        value = values[self.place]
        if value is None:
            return f"{self.before}–"
        if self.place in _TIMES:
            value = value.astimezone(zone)
        text = format(_FORMATTER.convert_field(value, self.conversion) if self.conversion else value, self.spec)
        if "-" in text and isinstance(value, float) and not _NOT_ZERO.search(text):
            text = format(_FORMATTER.convert_field(0.0, self.conversion), self.spec)
        return f"{self.before}{text}"


_FORMATTER = string.Formatter()


@functools.lru_cache(maxsize=16)
def _parts(template: str) -> tuple[tuple[_Field, ...], str]:
    """Take a template apart: fields by their plain names only, and what follows the last one."""
    fields, end = [], ""
    for before, name, spec, conversion in _FORMATTER.parse(template):
        if name is None:
            end += before
        elif name in TEMPLATE_FIELDS:
            fields.append(_Field(end + before, TEMPLATE_FIELDS.index(name), conversion, spec or ""))
            end = ""
        else:
            raise _UnfitError(f"should not hold {{{name}}}{did_you_mean(name, TEMPLATE_FIELDS)}")
    return tuple(fields), end


def format_line(template: str, arrival: FetchedObservation) -> str:
    """Fill in ``console.format``. Times are in the city's own time zone if it has one, else in UTC.

    Whatever the template, a line says at its end when it is not the weather of now.
    """
    city, observation, _, is_stale, _ = arrival
    zone = zoneinfo.ZoneInfo(city.timezone) if city.timezone else UTC
    fields, end = _parts(template)
    values = (city.name, *observation)
    text = "".join([field.fill(values, zone) for field in fields]) + end
    return f"{text} (stale: of {observation.observed_at.astimezone(zone):%d %b %H:%M %Z})" if is_stale else text


def to_dict(observation: Observation) -> dict[str, Any]:
    """Return the fields in their order, times as RFC 3339 in UTC, for JSON and CSV."""
    values = observation._asdict()
    for place in _TIMES:
        values[TEMPLATE_FIELDS[place]] = format_rfc3339(values[TEMPLATE_FIELDS[place]])
    return values


@functools.lru_cache(maxsize=256)  # the observations of an answer share their moments
def format_rfc3339(moment: datetime) -> str:
    """Write a moment as ``2026-01-31T12:00:00Z``, with milliseconds if it has any."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    text = orjson.dumps(utc)  # a fifth of what isoformat() takes, and there are three of them in a line of the log
    return f"{text[1 : 24 if moment.microsecond else 20].decode()}Z"


def validate_template(template: str) -> str:
    """Return a template that works for every observation; a ValueError that names the wrong field."""
    try:
        _check_specs(template)
        for example in _examples():
            format_line(template, example)
    except _UnfitError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"is not a format string: {error}") from None
    return template


def _check_specs(template: str) -> None:
    for _, _, spec, _ in _FORMATTER.parse(template):
        if spec and "{" in spec:
            raise _UnfitError("should not hold a field inside a field")
        if spec and _WIDE.search(spec):
            raise _UnfitError(f"should not be as wide as {spec!r} says")


def _examples() -> Iterator[FetchedObservation]:
    """Make observations that differ in what may trouble a template: a provider says little, or all that there is."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    said = {"city": "kiel", "provider": "open-meteo", "observed_at": moment, "fetched_at": moment}
    for temperature in (6.5, -40.0):
        little: dict[str, Any] = {**said, "temperature": temperature, "description": "rain"}
        numbers = {name: 1.5 for name in FIELDS if name not in little}
        for values in (little, {**numbers, **little, "code": 61, "station": "K1"}):
            yield FetchedObservation(City(name="Kiel", lat=54.3, lon=10.1), Observation(**values))
