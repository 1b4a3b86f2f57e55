"""The interval of a city: a fixed one, or ``auto``, which follows the service within bounds."""

from __future__ import annotations

import re
from typing import Any, Self

from weatherd.text.duration import DURATION_PATTERN, format_duration, parse_duration

AUTO_PATTERN = rf"auto( {DURATION_PATTERN}\.\.{DURATION_PATTERN})?"
_AUTO = re.compile(r"auto(?: (?P<low>.+?)\.\.(?P<high>.+))?")
_DEFAULT_BOUNDS = (60.0, 7200.0)  # seconds; above an hour, because many stations report once an hour
_MIN_INTERVAL = 1.0  # seconds


class AutoInterval(float):
    """The seconds between two polls that are planned for ``auto``, with bounds for the seconds that each may have.

    It is a float, so that it can replace a fixed interval wherever an average is needed. It equals only an interval
    with the same bounds, so that an edit from ``10m`` to ``auto`` is a change.
    """

    __slots__ = ("max_seconds", "min_seconds")

    min_seconds: float
    max_seconds: float

    def __new__(cls, planned: float, min_seconds: float, max_seconds: float) -> Self:
        """Return the interval; *planned* is moved into the bounds."""
        interval = super().__new__(cls, min(max(planned, min_seconds), max_seconds))
        interval.min_seconds, interval.max_seconds = min_seconds, max_seconds
        return interval

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to create a copy, because the process that loads the settings pickles them."""
        return AutoInterval, self._values()

    def replan(self, planned: float) -> AutoInterval:
        """Return an interval with the same bounds and another planned average."""
        return AutoInterval(planned, self.min_seconds, self.max_seconds)

    def __eq__(self, other: object) -> bool:
        """Return whether the other interval has the same average and bounds."""
        return isinstance(other, AutoInterval) and self._values() == other._values()

    def __ne__(self, other: object) -> bool:
        """Return the opposite of ``==``, because float has a method of its own."""
        return not self == other

    def __hash__(self) -> int:
        """Return a hash of the average and the bounds."""
        return hash(self._values())

    def __repr__(self) -> str:
        """Return the text that :func:`parse_interval` accepts, and the planned average."""
        return f"<{format_interval(self)}: {float(self)!r}>"

    def _values(self) -> tuple[float, float, float]:
        return float(self), self.min_seconds, self.max_seconds


def parse_interval(value: Any) -> float:
    """Return an interval in seconds: a duration, ``auto``, or ``auto 5m..1h``. Raises ValueError for anything else."""
    if isinstance(value, AutoInterval):
        return value
    if not isinstance(value, str) or not (text := value.strip()).startswith("auto"):
        return _check_minimum(parse_duration(value))
    match = _AUTO.fullmatch(text)
    if not match:
        raise ValueError("should be a length of time such as 10m, or auto, or auto with bounds such as auto 5m..1h")
    if match["low"] is None:
        return AutoInterval(0.0, *_DEFAULT_BOUNDS)
    low, high = _check_minimum(parse_duration(match["low"])), parse_duration(match["high"])
    if low > high:
        raise ValueError(f"should begin with the shorter bound, as in auto {format_duration(high)}..{match['low']}")
    return AutoInterval(0.0, low, high)


def _check_minimum(seconds: float) -> float:
    if seconds < _MIN_INTERVAL:
        raise ValueError("should be 1s or more")
    return seconds


def format_interval(interval: float) -> str:
    """Return an interval as :func:`parse_interval` accepts it: ``10m``, ``auto`` or ``auto 5m..1h``."""
    if not isinstance(interval, AutoInterval):
        return format_duration(interval)
    bounds = interval.min_seconds, interval.max_seconds
    return "auto" if bounds == _DEFAULT_BOUNDS else f"auto {format_duration(bounds[0])}..{format_duration(bounds[1])}"
