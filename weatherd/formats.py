"""An observation as text: the user's own line, and the plain values of JSON and CSV."""

from __future__ import annotations

import re
import string
import zoneinfo
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weatherd.city import City
from weatherd.errors import did_you_mean
from weatherd.observation import FIELDS, Arrival, Observation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NAMES = ("name", *FIELDS)

_NOT_ZERO = re.compile("[1-9a-zA-Z]")
_WIDE = re.compile(r"\d{4}")


class _UnfitError(ValueError):
    """What the format string should not hold."""


class _Line(string.Formatter):
    """Fields by their plain names only, and a dash for a value that is not known."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if field_name not in NAMES:
            raise _UnfitError(f"should not hold {{{field_name}}}{did_you_mean(field_name, NAMES)}")
        return super().get_field(field_name, args, kwargs)

    def convert_field(self, value: Any, conversion: Any) -> Any:
        return value if value is None else super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            return "–"
        text = str(super().format_field(value, format_spec))
        if isinstance(value, float) and "-" in text and not _NOT_ZERO.search(text):  # never -0
            return str(super().format_field(0.0, format_spec))
        return text


_LINE = _Line()


def line(template: str, arrival: Arrival) -> str:
    """Fill in ``console.format``. Times are in the city's own time zone if it has one, else in UTC.

    Whatever the template, a line says at its end when it is not the weather of now.
    """
    zone = zoneinfo.ZoneInfo(arrival.city.timezone) if arrival.city.timezone else UTC
    values = {name: getattr(arrival.observation, name) for name in FIELDS}
    for name in ("observed_at", "fetched_at"):
        values[name] = values[name].astimezone(zone)
    text = _LINE.vformat(template, (), {"name": arrival.city.name, **values})
    return (
        f"{text} (stale: of {arrival.observation.observed_at.astimezone(zone):%d %b %H:%M %Z})"
        if arrival.stale
        else text
    )


def plain(observation: Observation) -> dict[str, Any]:
    """Return the fields in their order, times as RFC 3339 in UTC, for JSON and CSV."""
    values = {name: getattr(observation, name) for name in FIELDS}
    return values | {name: rfc3339(values[name]) for name in ("observed_at", "fetched_at")}


def rfc3339(moment: datetime) -> str:
    """Write a moment as ``2026-01-31T12:00:00Z``, with milliseconds if it has any."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.removesuffix("+00:00") + "Z"


def checked(template: str) -> str:
    """Return a template that works for every observation; a ValueError that names the wrong field."""
    try:
        _check_specs(template)
        for example in _examples():
            line(template, example)
    except _UnfitError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"is not a format string: {error}") from None
    return template


def _check_specs(template: str) -> None:
    for _, _, spec, _ in _LINE.parse(template):
        if spec and "{" in spec:
            raise _UnfitError("should not hold a field inside a field")
        if spec and _WIDE.search(spec):
            raise _UnfitError(f"should not be as wide as {spec!r} says")


def _examples() -> Iterator[Arrival]:
    """Make observations that differ in what may trouble a template: a provider says little, or all that there is."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    said = {"city": "kiel", "provider": "open-meteo", "observed_at": moment, "fetched_at": moment}
    for temperature in (6.5, -40.0):
        little: dict[str, Any] = {**said, "temperature": temperature, "description": "rain"}
        numbers = {name: 1.5 for name in FIELDS if name not in little}
        for values in (little, {**numbers, **little, "code": 61, "station": "K1"}):
            yield Arrival(City(name="Kiel", lat=54.3, lon=10.1), Observation(**values))
