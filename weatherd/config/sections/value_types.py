"""Types of values that are written in several files: durations, words, time zones, providers."""

from __future__ import annotations

import contextlib
import functools
import json
import reprlib
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_settings import NoDecode

from weatherd.city import is_zone, list_zones
from weatherd.config.configuration import RetentionPeriods
from weatherd.text.auto_interval import AUTO_PATTERN, parse_interval
from weatherd.text.duration import DURATION_PATTERN, MAX_SECONDS, parse_duration
from weatherd.text.suggestions import did_you_mean


@functools.lru_cache(maxsize=100)
def _zone_hint(name: str) -> str:
    return did_you_mean(name, sorted(list_zones()))


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
    return _check_repeated(names)


def _check_repeated(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("should name each provider once")
    return _intern(names)


@functools.lru_cache(maxsize=100)
def _intern(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the same object for equal tuples: nearly all cities of a long list share their providers."""
    return names


def parse_retention(value: object) -> RetentionPeriods:
    """Parse one period, or the periods ``raw`` and ``hourly``; None is for ever. Raises ValueError for other values."""
    if isinstance(value, RetentionPeriods):
        return value
    if isinstance(value, str) and value.startswith("{"):  # in an environment variable
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if not isinstance(value, dict):
        period = _parse_period(value)
        return RetentionPeriods(period, period)
    keys = RetentionPeriods._fields
    if unknown := next((str(key) for key in value if key not in keys), None):
        hint = did_you_mean(unknown, keys)
        raise ValueError(f"should have the keys raw and hourly, without {reprlib.repr(unknown)}{hint}")
    if "raw" not in value:
        raise ValueError("should have the keys raw and hourly")
    raw = _parse_part("raw", value)
    if "hourly" not in value:
        return RetentionPeriods(raw, raw)
    hourly = _parse_part("hourly", value)
    if hourly is not None and (raw is None or hourly <= raw):
        raise ValueError("should keep hourly observations longer than raw ones")
    return RetentionPeriods(raw, hourly)


def _serialize_retention(periods: RetentionPeriods) -> object:
    """Return a value that :func:`parse_retention` accepts."""
    return periods.raw if periods.raw == periods.hourly else periods._asdict()


def _parse_part(key: str, value: dict[str, object]) -> float | None:
    try:
        return _parse_period(value[key])
    except ValueError as error:
        raise ValueError(f"{key} {error}") from None


def _parse_period(value: object) -> float | None:
    return None if value is None else _check_retention(parse_duration(value))


def _check_retention(length: float) -> float:
    if length < 3600:  # noqa: PLR2004 - an hour
        raise ValueError("should be 1h or more")
    return length


def _schema(minimum: float, *patterns: str) -> dict[str, Any]:
    texts = "|".join((r"\d+(\.\d+)?", DURATION_PATTERN, *patterns))
    return {
        "anyOf": [
            {"type": "string", "pattern": rf"^({texts})$"},
            {"type": "number", "minimum": minimum, "maximum": MAX_SECONDS},
        ]
    }


_PERIOD_SCHEMA = {"anyOf": [*_schema(3600)["anyOf"], {"type": "null"}]}
_RETENTION_SCHEMA = {
    "anyOf": [
        *_PERIOD_SCHEMA["anyOf"],
        {
            "type": "object",
            "properties": {"raw": _PERIOD_SCHEMA, "hourly": _PERIOD_SCHEMA},
            "required": ["raw"],
            "additionalProperties": False,
        },
    ]
}

Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(_schema(0)),
]

Retention = Annotated[
    RetentionPeriods,
    NoDecode,
    PlainValidator(parse_retention),
    PlainSerializer(_serialize_retention),
    WithJsonSchema(_RETENTION_SCHEMA),
]  # at least an hour
# Seconds; at least an hour
Persistence = Annotated[
    float, BeforeValidator(parse_duration), AfterValidator(_check_retention), WithJsonSchema(_schema(3600))
]
# Seconds, at least one; an AutoInterval for ``auto``
Interval = Annotated[float, PlainValidator(parse_interval), WithJsonSchema(_schema(1, AUTO_PATTERN))]
Word = Annotated[str, StringConstraints(strict=True, min_length=1)]
ProviderNames = Annotated[
    tuple[Annotated[Word, AfterValidator(_check_installed)], ...],
    AfterValidator(_check_distinct),
    Field(json_schema_extra={"minItems": 1, "uniqueItems": True}),
]
ComparedNames = Annotated[
    tuple[Annotated[Word, AfterValidator(_check_installed)], ...],
    AfterValidator(_check_repeated),
    Field(json_schema_extra={"uniqueItems": True}),
]
ZoneName = Annotated[str, AfterValidator(_check_zone)]
