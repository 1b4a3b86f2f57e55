"""Durations as text: 30s, 10m, 1h30m, 5y, or a bare number of seconds."""

from __future__ import annotations

import re
from typing import Any

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "y": 365 * 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|y)")
MAX_SECONDS = 3650 * 86400.0  # ten years, because much longer durations overflow datetime
_ELAPSED_IN_MINUTES = 120  # seconds from which :func:`format_elapsed` has no seconds
DURATION_PATTERN = r"(\d+(\.\d+)?(ms|s|m|h|d|y))+"


def parse_duration(value: Any) -> float:
    """Return a duration (text, or a number of seconds) in seconds. Raises ValueError that shows the accepted form."""
    length = _parse(value)
    if length is None or not length >= 0:
        raise ValueError("should be a length of time such as 30s, 10m or 1h30m")
    if length > MAX_SECONDS:
        raise ValueError("should be 3650d or less")
    return float(length)


def _parse(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        if "M" in value:  # a month or a minute
            return None
        text = value.replace(" ", "").lower()
        if re.fullmatch(DURATION_PATTERN, text, re.ASCII):
            return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
        if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
            return float(text)
    return None


def format_duration(length: float) -> str:
    """Format seconds in the form that :func:`parse_duration` accepts: ``1h30m`` for 5400.0. Rounds to milliseconds."""
    text, rest = "", round(length, 3)
    for unit in ("d", "h", "m"):
        count, rest = divmod(rest, _SECONDS[unit])
        text += f"{count:.0f}{unit}" if count else ""
    return text + (f"{rest:g}s" if rest or not text else "")


def format_elapsed(length: float) -> str:
    """Format seconds for people: in whole seconds below two minutes, else rounded to minutes. Negative ones are 0s."""
    seconds = round(max(0.0, length))
    return format_duration(seconds if seconds < _ELAPSED_IN_MINUTES else round(length / 60) * 60)
