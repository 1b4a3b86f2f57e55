"""Numbers and words as the services send them, made safe."""

from __future__ import annotations

import contextlib
import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.errors import Failure, ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Each value of an observation has bounds of what is possible on Earth; beyond them it is an error of the service.
TEMPERATURE = (-100.0, 70.0)  # °C
APPARENT_TEMPERATURE = (-120.0, 90.0)  # °C
RELATIVE_HUMIDITY = (0.0, 110.0)  # %; fog reads a little above 100
PRESSURE_MSL = (800.0, 1150.0)  # hPa
WIND_SPEED = (0.0, 150.0)  # m/s, of gusts too
WIND_DIRECTION = (0.0, 360.0)  # degrees
PRECIPITATION = (0.0, 1000.0)  # mm
CLOUD_COVER = (0.0, 100.0)  # %
VISIBILITY = (0.0, 1e6)  # m

_LONGEST = 200
_LARGEST = 1e11
_NUMBER = (float, int)  # and not bool, which is an int to isinstance()
_NANO = 1e9  # round(…, 9) takes twice as long
_SHARED = {float(whole): float(whole) for whole in range(361)}  # by all cities: percentages, directions, no rain
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_LATEST = datetime(2200, 1, 1, tzinfo=UTC).timestamp()


class NumberField(NamedTuple):
    """A number that may stand under a name, in another unit than weatherd's."""

    name: str
    low: float
    high: float
    factor: float = 1.0
    offset: float = 0.0


def parse_number(value: Any, low: float, high: float, factor: float = 1.0, offset: float = 0.0) -> float | None:
    """Return ``value * factor + offset`` if it is a number from *low* to *high*, else None."""
    if type(value) not in _NUMBER or not -_LARGEST <= value <= _LARGEST:
        return None
    if type(value) is float or factor != 1.0 or offset:
        value = round((value * factor + offset) * _NANO) / _NANO  # drops the noise of 298.48 - 273.15, and -0.0's sign
    return _SHARED.get(value, float(value)) if low <= value <= high else None


def parse_numbers(source: Mapping[str, Any], wanted: Iterable[NumberField]) -> list[float | None]:
    """Return what *source* holds of the numbers that are *wanted*, in their order."""
    get = source.get
    return [parse_number(get(name), low, high, factor, offset) for name, low, high, factor, offset in wanted]


def parse_temperature(value: Any, factor: float = 1.0, offset: float = 0.0) -> float:
    """Return a temperature in °C; ProviderError for none, or for one that cannot be."""
    celsius = parse_number(value, *TEMPERATURE, factor, offset)
    if celsius is None:
        impossible = isinstance(value, int | float) and not isinstance(value, bool)
        what = f"an impossible temperature ({str(value)[:20]})" if impossible else "no temperature"
        raise ProviderError(f"the answer holds {what}", Failure.EMPTY)
    return celsius


def parse_posix_time(posix: Any) -> datetime:
    """Return a POSIX time as UTC; ProviderError for anything that is no time of our days."""
    if type(posix) not in _NUMBER or not _EARLIEST <= posix <= _LATEST:
        raise ProviderError("the answer does not say when it was observed", Failure.EMPTY)
    return _utc(posix)


@functools.lru_cache(maxsize=256)  # the places of an answer share their moment
def _utc(posix: float) -> datetime:
    return datetime.fromtimestamp(posix, UTC)


def parse_iso_time(text: Any) -> datetime:
    """Return an ISO 8601 time with an offset as UTC; ProviderError for anything else."""
    if isinstance(text, str):
        with contextlib.suppress(ValueError):
            time = datetime.fromisoformat(text)
            if time.tzinfo:
                return parse_posix_time(time.timestamp())
    return parse_posix_time(None)


def clean_text(value: Any) -> str:
    """Return text as one line without control characters, or "" when there is none."""
    return _line(value[: _LONGEST * 2]) if isinstance(value, str) else ""


@functools.lru_cache(maxsize=256)  # a service has few words, which all cities then share
def _line(text: str) -> str:
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())[:_LONGEST].rstrip()


def as_mapping(value: Any) -> dict[str, Any]:
    """Return a JSON object, or an empty one for whatever else stands in its place."""
    return value if isinstance(value, dict) else {}


def parse_integer(value: Any) -> int | None:
    """Return a whole number, written as 3 or 3.0, or None."""
    if type(value) not in _NUMBER or not -_LARGEST <= value <= _LARGEST or value != int(value):
        return None
    return int(value)
