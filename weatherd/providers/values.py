"""Validation of the numbers, times and texts that services send."""

from __future__ import annotations

import contextlib
import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.errors import Failure, ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Values that are possible on Earth, with some margin. A value outside is an error of the service and becomes None.
TEMPERATURE = (-100.0, 70.0)  # °C; a temperature outside is an error, because an observation requires one
APPARENT_TEMPERATURE = (-120.0, 90.0)  # °C
RELATIVE_HUMIDITY = (0.0, 110.0)  # %; sensors show a little above 100 in fog
PRESSURE_MSL = (800.0, 1150.0)  # hPa
WIND_SPEED = (0.0, 150.0)  # m/s, for gusts too
WIND_DIRECTION = (0.0, 360.0)  # degrees
PRECIPITATION = (0.0, 1000.0)  # mm
CLOUD_COVER = (0.0, 100.0)  # %
VISIBILITY = (0.0, 1e6)  # m

_MAX_TEXT = 200  # characters
_MAX_NUMBER = 1e11  # far above every bound and POSIX time, far below where integers lose digits as floats
_NUMBER_TYPES = (float, int)  # compared with type(), because bool is an int to isinstance()
_NANO = 1e9
_MAX_SHARED = 20_000  # numbers
POSIX_TIME = (datetime(2000, 1, 1, tzinfo=UTC).timestamp(), datetime(2200, 1, 1, tzinfo=UTC).timestamp())
_EARLIEST, _LATEST = POSIX_TIME


class NumberField(NamedTuple):
    """A number in a service's JSON object: its name, its bounds and its conversion to weatherd's unit."""

    name: str
    bounds: tuple[float, float]
    factor: float = 1.0
    offset: float = 0.0


class _RoundedNumbers(dict[Any, Any]):
    """Numbers without noise after the ninth digit, by the number that a service sent; None for None.

    298.48 - 273.15 is noisy, and so is the sign of -0.0. Equal numbers become one object, because services send few
    different ones; and a lookup takes a fifth of the time of the rounding, which takes half that of ``round(..., 9)``.
    """

    def __missing__(self, number: float) -> float:
        rounded = round(number * _NANO) / _NANO
        if len(self) < _MAX_SHARED:
            self[number] = rounded
        return rounded


ROUNDED = _RoundedNumbers({None: None})


def parse_number(value: Any, bounds: tuple[float, float], factor: float = 1.0, offset: float = 0.0) -> float | None:
    """Return ``value * factor + offset`` if it is a number within *bounds*, both included, else None."""
    if type(value) not in _NUMBER_TYPES or not -_MAX_NUMBER <= value <= _MAX_NUMBER:
        return None
    number: float = ROUNDED[float(value * factor + offset)]
    low, high = bounds
    return number if low <= number <= high else None


def parse_numbers(document: Mapping[str, Any], fields: Iterable[NumberField]) -> list[float | None]:
    """Return the number of each field of *document*, or None as :func:`parse_number` does, in their order."""
    get = document.get
    return [parse_number(get(name), bounds, factor, offset) for name, bounds, factor, offset in fields]


def without_calm(direction: float | None, speed: float | None) -> float | None:
    """Return a station's wind direction, or None in calm air, for which stations report 0 degrees. North is 360."""
    return None if speed == 0 and direction == 0 else direction


def sum_amounts(first: float | None, second: float | None) -> float | None:
    """Return the sum of two amounts, or None if one of them is unknown."""
    return None if first is None or second is None else ROUNDED[first + second]


def parse_temperature(value: Any, factor: float = 1.0, offset: float = 0.0) -> float:
    """Return ``value * factor + offset``, a temperature in °C; raise ProviderError if it is missing or impossible."""
    celsius = parse_number(value, TEMPERATURE, factor, offset)
    if celsius is None:
        is_number = type(value) in _NUMBER_TYPES
        found = f"an impossible temperature ({str(value)[:20]})" if is_number else "no temperature"
        raise ProviderError(f"the response has {found}", Failure.EMPTY)
    return celsius


def parse_posix_time(posix: Any) -> datetime:
    """Return a POSIX time between 2000 and 2200 in UTC; raise ProviderError for anything else."""
    if type(posix) not in _NUMBER_TYPES or not _EARLIEST <= posix <= _LATEST:
        raise ProviderError("the response has no valid time of observation", Failure.EMPTY)
    return _utc(posix)


@functools.lru_cache(maxsize=256)  # because all cities of a response usually have the same time
def _utc(posix: float) -> datetime:
    return datetime.fromtimestamp(posix, UTC)


def parse_iso_time(text: Any) -> datetime:
    """Return an ISO 8601 time that has an offset, in UTC; raise ProviderError for anything else."""
    if isinstance(text, str):
        with contextlib.suppress(ValueError):
            time = datetime.fromisoformat(text)
            if time.tzinfo:
                return parse_posix_time(time.timestamp())
    return parse_posix_time(None)


def clean_text(value: Any) -> str:
    """Return a text as one line of at most 200 printable characters, or "" for anything else."""
    return _line(value[: _MAX_TEXT * 2]) if isinstance(value, str) else ""


@functools.lru_cache(maxsize=256)  # because services use few texts; all cities share them
def _line(text: str) -> str:
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(text.split())[:_MAX_TEXT].rstrip()


def as_mapping(value: Any) -> dict[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def parse_integer(value: Any) -> int | None:
    """Return an integer that is written as 3 or 3.0, or None for anything else."""
    if type(value) not in _NUMBER_TYPES or not -_MAX_NUMBER <= value <= _MAX_NUMBER or value != int(value):
        return None
    return int(value)
