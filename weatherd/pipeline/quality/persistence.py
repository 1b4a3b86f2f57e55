"""The test of persistence: a value that stays the same for too long, as that of a frozen sensor. Pure.

Nothing is kept for a city while its values change: a watch begins at a checkpoint, of which each city has one in twelve
hours, if a field has the same value as before. So a frozen sensor is found up to twelve hours late, while few cities
are watched at a time.
"""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

from weatherd.pipeline.quality.suspicion import PERSISTENCE, Suspicion
from weatherd.text.duration import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from weatherd.config.sections.quality import QualitySection
    from weatherd.observation import Observation

    Watch = tuple[datetime | None, ...]  # since when each of PERSISTENCE_FIELDS has its value; None: it is not watched

CHECKPOINT_HOURS, _DAY_HOURS = 12, 24
# Dunn et al. 2012, HadISD, table 4, tolerates 40 equal hourly temperatures in whole degrees, but 24 in tenths; 5/3 also
# of the others' numbers
WHOLE_NUMBER_FACTOR = 5 / 3
_MAX_GAP = timedelta(hours=3)  # between two observations; less frequent ones do not show that a value stays the same
_SATURATED = 95.0  # %; fog lasts for days
_CALM = 1.0  # m/s; vanes and cups rest
_DRIZZLE = 0.5  # mm; amounts of one digit that last


def _is_moving(observation: Observation) -> bool:
    return observation.wind_speed is not None and observation.wind_speed > _CALM


# Whether the value of a field should change: it may rest in fog, in calm air and in drizzle
_SHOULD_CHANGE: dict[str, Callable[[Observation], bool]] = {
    "temperature": lambda _: True,
    "relative_humidity": lambda observation: (observation.relative_humidity or 0) < _SATURATED,
    "pressure_msl": lambda _: True,
    "wind_speed": _is_moving,
    "wind_direction": _is_moving,
    "precipitation": lambda observation: (observation.precipitation or 0) > _DRIZZLE,
}
PERSISTENCE_FIELDS = tuple(_SHOULD_CHANGE)
_UNWATCHED: Watch = (None,) * len(PERSISTENCE_FIELDS)


def is_checkpoint(observation: Observation, previous: Observation) -> bool:
    """Return whether a checkpoint of the city is between two observations, which are a few hours apart at most."""
    hour, hour_before = observation.observed_at.hour, previous.observed_at.hour
    if hour == hour_before:
        return False
    phase = zlib.crc32(observation.city.encode()) % CHECKPOINT_HOURS
    return (hour + phase) % _DAY_HOURS // CHECKPOINT_HOURS != (hour_before + phase) % _DAY_HOURS // CHECKPOINT_HOURS


def follow_values(watch: Watch | None, observation: Observation, previous: Observation, *, begin: bool) -> Watch | None:
    """Return the watch after *observation*: of fields that still have the value of *previous*; None if there are none.

    *begin* begins to watch the fields that are not watched yet.
    """
    if observation.observed_at - previous.observed_at > _MAX_GAP:
        return None
    before = watch or _UNWATCHED
    start = previous.observed_at if begin else None
    after = tuple(
        (since or start) if _is_unchanged(field, observation, previous) else None
        for field, since in zip(PERSISTENCE_FIELDS, before, strict=True)
    )
    return None if after == _UNWATCHED else after


def find_persistence(
    watch: Watch | None, observation: Observation, previous: Observation, limits: QualitySection
) -> Iterator[Suspicion]:
    """Yield the fields whose value has been the same for too long, or was too long already in *previous*."""
    for field, since in zip(PERSISTENCE_FIELDS, watch or _UNWATCHED, strict=True):
        value, limit = getattr(observation, field), getattr(limits, field).persistence
        if limit is None or not _is_unchanged(field, observation, previous):
            continue
        seconds = (observation.observed_at - since).total_seconds() if since else 0.0
        if value == int(value):
            limit *= WHOLE_NUMBER_FACTOR
        if seconds >= limit or f"{field} {PERSISTENCE}" in previous.quality:
            yield Suspicion(field, PERSISTENCE, f"{value:g} for {format_duration(max(seconds, limit) // 3600 * 3600)}")


def _is_unchanged(field: str, observation: Observation, previous: Observation) -> bool:
    value = getattr(observation, field)
    return value is not None and value == getattr(previous, field) and _SHOULD_CHANGE[field](observation)
