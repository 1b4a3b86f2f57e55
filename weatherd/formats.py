"""An observation as text: the user's own line, and the plain values of JSON and CSV."""

from __future__ import annotations

import string
import zoneinfo
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weatherd.cities import City
from weatherd.errors import did_you_mean
from weatherd.observation import FIELDS, Arrival, Observation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMES = ("name", *FIELDS)


class _Line(string.Formatter):
    """Fields by their plain names only, and a dash for a value that is not known."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if field_name not in NAMES:
            raise ValueError(f"should not hold {{{field_name}}}{did_you_mean(field_name, NAMES)}")
        return super().get_field(field_name, args, kwargs)

    def format_field(self, value: Any, format_spec: str) -> str:
        return "–" if value is None else str(super().format_field(value, format_spec))


_LINE = _Line()


def line(template: str, arrival: Arrival) -> str:
    """Fill in ``console.format``. Times are in the city's own time zone if it has one, else in UTC."""
    zone = zoneinfo.ZoneInfo(arrival.city.timezone) if arrival.city.timezone else UTC
    values = {name: getattr(arrival.observation, name) for name in FIELDS}
    for name in ("observed_at", "fetched_at"):
        values[name] = values[name].astimezone(zone)
    return _LINE.vformat(template, (), {"name": arrival.city.name, **values})


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
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    example = Observation(
        city="kiel",
        provider="open-meteo",
        observed_at=moment,
        fetched_at=moment,
        temperature=6.0,
        description="rain",
    )
    full = {name: 1 for name in FIELDS if getattr(example, name) is None}
    try:
        for fields in ({}, full):
            values = {name: getattr(example, name) for name in FIELDS} | fields
            line(template, Arrival(City(name="Kiel", lat=54.3, lon=10.1), Observation(**values)))
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        reason = str(error) if "should" in str(error) else f"is not a format string: {error}"
        raise ValueError(reason) from None
    return template
