"""Lengths of time as people write them in a configuration: 30s, 10m, 1h30m, or a bare number of seconds."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_LONGEST = 3650 * 86400.0  # ten years; times far beyond have no date
_WHOLE = r"(\d+(\.\d+)?(ms|s|m|h|d))+"


def parse_duration(value: Any) -> float:
    """Return the seconds of a duration; a ValueError that shows the right form for anything else."""
    length = _read(value)
    if length is None or not length >= 0:
        raise ValueError("should be a length of time such as 30s, 10m or 1h30m")
    if length > _LONGEST:
        raise ValueError("should be 3650d or less")
    return float(length)


def _read(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = value.replace(" ", "").lower()
        if re.fullmatch(_WHOLE, text, re.ASCII):
            return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
        if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
            return float(text)
    return None


def format_duration(length: float) -> str:
    """Write seconds the way :func:`seconds` reads them: 5400.0 is ``1h30m``."""
    text, rest = "", round(length, 3)
    for unit in ("d", "h", "m"):
        count, rest = divmod(rest, _SECONDS[unit])
        text += f"{count:.0f}{unit}" if count else ""
    return text + (f"{rest:g}s" if rest or not text else "")


def _tick(length: float) -> float:
    if length < 1:
        raise ValueError("should be 1s or more")
    return length


def _hour(length: float) -> float:
    if length < 3600:  # noqa: PLR2004 - an hour
        raise ValueError("should be 1h or more")
    return length


def _schema(least: float) -> dict[str, Any]:
    return {
        "anyOf": [
            {"type": "string", "pattern": rf"^(\d+(\.\d+)?|{_WHOLE})$"},
            {"type": "number", "minimum": least, "maximum": _LONGEST},
        ]
    }


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(_schema(0)),
]

Retention = Annotated[
    float, BeforeValidator(parse_duration), AfterValidator(_hour), WithJsonSchema(_schema(3600))
]  # how long to keep: an hour or more
Interval = Annotated[
    float, BeforeValidator(parse_duration), AfterValidator(_tick), WithJsonSchema(_schema(1))
]  # how often to ask: a second or more
