"""Observations: the values that providers return and the pipeline passes to sinks and forwarders."""

from __future__ import annotations

import functools
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from weatherd.city import City

LIVE, BACKFILL, IMPORT = ORIGINS = ("live", "backfill", "import")
OK, SUSPECT = "ok", "suspect: "  # the judgement of an observation, and the beginning of one that names the failed tests
SERVICES = "services"  # the test against the city's other services


class Observation(NamedTuple):
    """The weather of one city at one time, as reported by one provider, in weatherd's units.

    Times are timezone-aware and in UTC. Numbers are finite; None means that the provider reports no value, not zero.
    """

    city: str  # the city's id
    provider: str
    observed_at: datetime  # time of the measurement or of the model step
    fetched_at: datetime
    temperature: float  # °C
    description: str  # free text for people; one line, never empty
    code: int | None = None  # WMO code table 4677, if the provider reports an equivalent
    station: str = ""  # the provider's id of the station or source; "" if unknown
    apparent_temperature: float | None = None  # °C
    relative_humidity: float | None = None  # %
    pressure_msl: float | None = None  # hPa
    wind_speed: float | None = None  # m/s
    wind_direction: float | None = None  # degrees clockwise from north; the direction the wind blows from
    wind_gust: float | None = None  # m/s
    precipitation: float | None = None  # mm, in the hour before observed_at
    cloud_cover: float | None = None  # %
    visibility: float | None = None  # m
    origin: str = LIVE  # one of ORIGINS: polled, requested from the service afterwards, or read from a file
    quality: str = (
        OK  # or e.g. "suspect: temperature step, wind_gust consistency": fields and the tests that they failed
    )

    def repeats(self, other: Observation) -> bool:
        """Return whether the provider reported the same values again.

        Only ``fetched_at``, ``origin`` and ``quality`` may differ, which are weatherd's own.
        """
        return self[:_FETCHED_AT] == other[:_FETCHED_AT] and self[_VALUES] == other[_VALUES]

    def follows(self, other: Observation) -> bool:
        """Return whether this was both observed and fetched later than *other*."""
        return self.observed_at > other.observed_at and self.fetched_at > other.fetched_at

    def without_suspect(self) -> Observation:
        """Return the observation with None for each suspect value, also for a temperature, which is never None else."""
        fields = find_suspect_fields(self.quality)
        return self._replace(**dict.fromkeys(fields)) if fields else self  # type: ignore[arg-type]

    def find_problem(self) -> str | None:
        """Return the first invalid field, as ``field 'observed_at' is invalid: must be timezone-aware``, or None.

        Checks types too, because a provider may be a plug-in that is not type-checked.
        """
        values: tuple[Any, ...] = self  # Any, because a plug-in's values may not have the declared types
        for index in _NUMBERS:
            number = values[index]
            if number is not None and not (isinstance(number, _NUMBER) and isfinite(number)):
                return _problem(index, "must be a finite number or None")
        for index in _TIMES:
            time = values[index]
            if not isinstance(time, datetime):
                return _problem(index, "must be a datetime")
            if time.tzinfo is None:
                return _problem(index, "must be timezone-aware")
        for index in _TEXTS:
            text = values[index]
            if not isinstance(text, str) or not text.isprintable():
                return _problem(index, "must be one line of printable text")
        if self.temperature is None:
            return "field 'temperature' is invalid: must not be None"
        if not self.description:
            return "field 'description' is invalid: must not be empty"
        return self._find_wrong_word()

    def _find_wrong_word(self) -> str | None:
        if self.origin not in ORIGINS:
            return f"field 'origin' is invalid: must be one of {', '.join(ORIGINS)}"
        if self.quality != OK and not self.quality.startswith(SUSPECT):
            return f"field 'quality' is invalid: must be {OK!r} or begin with {SUSPECT!r}"
        return None


FIELDS = Observation._fields
_FETCHED_AT = FIELDS.index("fetched_at")
_TIMES = tuple(FIELDS.index(name) for name in ("observed_at", "fetched_at"))
_TEXTS = tuple(FIELDS.index(name) for name in ("description", "station", "quality"))
_VALUES = slice(_FETCHED_AT + 1, FIELDS.index("origin"))
_NUMBERS = tuple(index for index in range(_VALUES.start, _VALUES.stop) if index not in _TEXTS)
_NUMBER_NAMES = frozenset(FIELDS[index] for index in _NUMBERS)
_NUMBER = (float, int)


@functools.lru_cache(maxsize=256)  # because few qualities occur
def find_suspect_fields(quality: str, ignored_test: str = "") -> frozenset[str]:
    """Return the fields that a quality names: temperature for ``suspect: temperature step``, none for ``ok``.

    One that failed only *ignored_test* is left out.
    """
    names = (name.partition(" ") for name in quality.removeprefix(SUSPECT).split(", "))
    return frozenset(field for field, _, test in names if not ignored_test or test != ignored_test) & _NUMBER_NAMES


def _problem(index: int, rule: str) -> str:
    return f"field {FIELDS[index]!r} is invalid: {rule}"


class FetchedObservation(NamedTuple):
    """An observation in the queue, with its city."""

    city: City
    observation: Observation
    repeat: bool = False  # identical to the city's previous observation, except for fetched_at
    stale: bool = False  # older than its age budget, and no provider had a newer one
    follows: bool = False  # newer than the previous one, and for the same location


class LastObservation(NamedTuple):
    """The last observation of a city, with its coordinates, because an edit of the list may move a city."""

    lat: float  # degrees
    lon: float  # degrees
    observation: Observation
    plausible: Observation | None = None  # the last one before whose steps were plausible, if *observation* is suspect
