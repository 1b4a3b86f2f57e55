"""Observations as text: a line in the user's format, and plain values for JSON and CSV."""

from __future__ import annotations

import functools
import re
import string
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from weatherd.city import City
from weatherd.observation import FIELDS, LIVE, OK, FetchedObservation, Observation
from weatherd.text.condition_words import Words, load_words
from weatherd.text.display import DEFAULT_DISPLAY, Display
from weatherd.text.local_zone import load_zone
from weatherd.text.suggestions import did_you_mean
from weatherd.text.units import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TEMPLATE_FIELDS = ("name", *FIELDS)
_UNIT = "unit"  # the field for the unit of temperatures
_INDEX = {name: index for index, name in enumerate(TEMPLATE_FIELDS)}
_TIMES = {_INDEX["observed_at"], _INDEX["fetched_at"]}
_OPTIONAL = {_INDEX[name] for name, default in Observation._field_defaults.items() if default is None}
_DESCRIPTION = _INDEX["description"]
_FLOATS = {_INDEX["temperature"], *_OPTIONAL} - {_INDEX["code"]}

_MILLISECOND = 1000  # microseconds
_FORMATTER = string.Formatter()
_WIDE_SPEC = re.compile(r"\d{4}")
_SPEC_TO_OPTION_Z = re.compile("((?:.?[<>=^])?[-+ ]?)z?", re.DOTALL)  # fill, alignment and sign come before it


class _TemplateError(ValueError):
    """A template contains something that is not allowed."""


class _Dash:
    """The text for a missing value, whatever its format spec."""

    def __format__(self, _: str) -> str:
        return "–"


_DASH = _Dash()


class LineTemplate:
    """A template such as ``console.format``, compiled to one call of str.format per line.

    It is a format string whose fields are plain names of :data:`TEMPLATE_FIELDS`, or ``unit``, which is text: the unit
    of temperatures of *display*. Otherwise ValueError is raised.
    """

    def __init__(self, template: str, display: Display = DEFAULT_DISPLAY) -> None:
        self._display = display
        self._indexes: set[int] = set()  # of the template's fields
        self._conversions: list[tuple[int, str]] = []  # converted values are arguments after those of all fields
        compiled = ""
        for prefix, name, spec, conversion in _FORMATTER.parse(template):
            compiled += _escape(prefix)
            if name is not None:
                compiled += self._compile_field(name, spec or "", conversion)
        self._fill = compiled.format
        self._has_units = display.units != "metric"
        self._times = self._indexes & _TIMES
        self._optional = self._indexes & _OPTIONAL
        self._words: Mapping[Any, Words] = load_words(display.language) if _DESCRIPTION in self._indexes else {}
        self._is_plain = not (self._has_units or self._times or self._optional or self._conversions)

    def _compile_field(self, name: str, spec: str, conversion: str | None) -> str:
        if name == _UNIT:
            return _escape(format(_FORMATTER.convert_field(self._display.temperature_unit, conversion), spec))
        if name not in _INDEX:
            raise _TemplateError(f"should not contain {{{name}}}{did_you_mean(name, (*TEMPLATE_FIELDS, _UNIT))}")
        index = _INDEX[name]
        self._indexes.add(index)
        if conversion:
            self._conversions.append((index, conversion))
            return f"{{{len(_INDEX) + len(self._conversions) - 1}:{spec}}}"
        return f"{{{index}:{_drop_sign_of_zero(spec) if index in _FLOATS else spec}}}"

    def format(self, fetched: FetchedObservation) -> str:
        """Format an observation, with a dash for a missing value, and without the sign of a number rounded to zero.

        Times are in the city's time zone if it has one, else in this machine's. A mark at the end of the line,
        independent of the template, shows that an observation is stale, and which values are suspect. The weather is in
        the reader's words.
        """
        city, observation, _, is_stale, _ = fetched
        values: list[Any] = [city.name, *observation]
        if words := self._words.get(observation.code):
            if type(words) is not str:  # others for the day than for the night
                place, at = (city.lat, city.lon), observation.observed_at
                words = self._display.describe(observation.description, observation.code, *place, at)
            values[_DESCRIPTION] = words
        if not self._is_plain:
            values = self._prepare(values, city)
        try:
            text = self._fill(*values)
        except ValueError:  # an integer of a plug-in, for which Python rejects the option z
            text = self._fill(*[_to_float(value) if index in _FLOATS else value for index, value in enumerate(values)])
        if is_stale:
            text = f"{text} (stale: of {observation.observed_at.astimezone(load_zone(city.timezone)):%d %b %H:%M %Z})"
        return text if observation.quality == OK else f"{text} ({observation.quality})"

    def _prepare(self, values: Sequence[Any], city: City) -> list[Any]:
        prepared = list(values)
        if self._has_units:
            converted = self._display.convert(dict(zip(TEMPLATE_FIELDS, values, strict=True)))
            prepared = list(converted.values())
        for index in self._times:
            prepared[index] = values[index].astimezone(load_zone(city.timezone))
        for index in self._optional:
            if values[index] is None:
                prepared[index] = _DASH
        for index, conversion in self._conversions:
            prepared.append(_convert(prepared[index], conversion))
        return prepared


def _drop_sign_of_zero(spec: str) -> str:
    """Add the option ``z`` to the spec of a float: ``>+6.1f`` becomes ``>+z6.1f``, which formats -0.04 as +0.0."""
    return _SPEC_TO_OPTION_Z.sub(r"\1z", spec, count=1)


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _to_float(value: Any) -> Any:
    return float(value) if isinstance(value, int) else value


def _convert(value: Any, conversion: str) -> Any:
    if value is _DASH:
        return value
    return _FORMATTER.convert_field(value + 0.0 if isinstance(value, float) else value, conversion)  # -0.0 + 0.0 is 0.0


def validate_template(template: str) -> str:
    """Return *template* if it can format every observation. Raises ValueError that names the field at fault."""
    try:
        _check_specs(template)
        line = LineTemplate(template)
        for example in _examples():
            line.format(example)
    except _TemplateError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"is not a format string: {error}") from None
    return template


def explain_wrong_unit(template: str, display: Display) -> str | None:
    """Return which metric unit a template names although the reader's units have another for the field; else None."""
    parts = list(_FORMATTER.parse(template))
    text, fields = "".join(prefix for prefix, _, _, _ in parts), {name for _, name, _, _ in parts}
    for field, own in UNITS["metric"].items():
        unit = UNITS[display.units][field]
        if (
            field in fields
            and unit.symbol != own.symbol
            and re.search(rf"(?<!\w){re.escape(own.symbol)}(?![\w/])", text)
        ):
            advice = "{unit}" if own.symbol == "°C" else f"'{unit.symbol}'"
            return f"{own.symbol!r}, but with units: {display.units} {{{field}}} is in {unit.symbol}: write {advice}"
    return None


def _check_specs(template: str) -> None:
    for _, _, spec, _ in _FORMATTER.parse(template):
        if spec and "{" in spec:
            raise _TemplateError("should not contain a field inside a field")
        if spec and _WIDE_SPEC.search(spec):
            raise _TemplateError(f"should have widths and precisions below 1000, not {spec!r}")


def _examples() -> Iterator[FetchedObservation]:
    """Yield observations that a template must handle: with only the required values, and with all values."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    base = {"city": "kiel", "provider": "open-meteo", "observed_at": moment, "fetched_at": moment}
    for temperature in (6.5, -40.0):
        required: dict[str, Any] = {**base, "temperature": temperature, "description": "rain"}
        numbers = {name: 1.5 for name in FIELDS if name not in required}
        for values in (required, {**numbers, **required, "code": 61, "station": "K1", "origin": LIVE, "quality": OK}):
            yield FetchedObservation(City(name="Kiel", lat=54.3, lon=10.1), Observation(**values))


def format_count(count: float, singular: str, plural: str) -> str:
    """Format a rounded number and its noun: ``1 city``, ``1,200 cities``."""
    return f"{count:,.0f} {singular if round(count) == 1 else plural}"


def to_dict(observation: Observation) -> dict[str, Any]:
    """Return the fields for JSON and CSV, in order; times are RFC 3339 strings in UTC."""
    values = observation._asdict()
    for name in ("observed_at", "fetched_at"):
        values[name] = format_rfc3339(values[name])
    return values


def to_named_dict(observation: Observation, city: City | None) -> dict[str, Any]:
    """Return the fields for JSON, and the name and tags of their city: None and {} if it is not listed any more."""
    return {**to_dict(observation), "name": city.name if city else None, "tags": dict(city.tags) if city else {}}


@functools.lru_cache(maxsize=256)  # because all observations of a batch have the same times
def format_rfc3339(moment: datetime) -> str:
    """Format a time in UTC as ``2026-01-31T12:00:00Z`` (RFC 3339), with milliseconds unless they are zero."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    text = msgspec.json.encode(utc)  # five times as fast as isoformat(); each log line has three times
    return f"{text[1 : 24 if moment.microsecond >= _MILLISECOND else 20].decode()}Z"
