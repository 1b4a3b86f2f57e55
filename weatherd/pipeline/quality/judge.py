"""The tests of one observation: range, step and consistency. Pure.

A healthy observation takes one call of a function that is one expression, in half a microsecond; only what that finds
implausible is examined field by field.
"""

from __future__ import annotations

from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING

from weatherd.pipeline.quality.suspicion import CONSISTENCY, RANGE, STEP, STEP_FIELDS, Suspicion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from weatherd.config.sections.quality import QualitySection
    from weatherd.observation import Observation

    PlausibilityTest = Callable[[Observation, Observation], bool]

STEP_SPAN = timedelta(hours=1)
_WITH_RANGE = ("temperature", "relative_humidity", "pressure_msl", "wind_speed", "wind_gust", "precipitation")


def make_plausibility_test(limits: QualitySection) -> PlausibilityTest:
    """Return a function that is true only if :func:`find_suspicions` finds nothing. It may be false for more.

    Its arguments are an observation and its reference, which is the observation itself if there is none. A step is
    implausible to it after any time, because computing times takes longer than all comparisons.
    """
    coldest, hottest = _bounds(limits.temperature)
    driest, dampest = _bounds(limits.relative_humidity)
    lowest, highest = _bounds(limits.pressure_msl)
    calmest, fastest = _bounds(limits.wind_speed)
    weakest, strongest = _bounds(limits.wind_gust)
    least, wettest = _bounds(limits.precipitation)
    warming, rise, wind_change = (_or_any(getattr(limits, field).step) for field in STEP_FIELDS)
    below = _or_any(limits.wind_gust.consistency)

    def is_plausible(observation: Observation, reference: Observation) -> bool:
        temperature, before = observation.temperature, reference.temperature
        humidity, rain = observation.relative_humidity, observation.precipitation
        pressure, pressure_before = observation.pressure_msl, reference.pressure_msl
        speed, speed_before, gust = observation.wind_speed, reference.wind_speed, observation.wind_gust
        return (
            coldest <= temperature <= hottest
            and -warming <= temperature - before <= warming
            and (humidity is None or driest <= humidity <= dampest)
            and (
                pressure is None
                or (
                    lowest <= pressure <= highest
                    and (pressure_before is None or -rise <= pressure - pressure_before <= rise)
                )
            )
            and (
                speed is None
                or (
                    calmest <= speed <= fastest
                    and (speed_before is None or -wind_change <= speed - speed_before <= wind_change)
                )
            )
            and (gust is None or (weakest <= gust <= strongest and (speed is None or gust >= speed - below)))
            and (rain is None or least <= rain <= wettest)
        )

    return is_plausible


def find_suspicions(observation: Observation, reference: Observation, limits: QualitySection) -> Iterator[Suspicion]:
    """Yield what is suspect about an observation.

    *reference* is the newest observation of the same provider and station before it whose steps were plausible, or the
    observation itself if there is none. A change is a step only within an hour, so that a real one, such as a
    cold front, is believed once it has lasted.
    """
    for field in _WITH_RANGE:
        value, (low, high) = getattr(observation, field), _bounds(getattr(limits, field))
        if value is not None and not low <= value <= high:
            yield Suspicion(field, RANGE, f"{value:g} is not between {low:g} and {high:g}")
    elapsed = abs(observation.observed_at - reference.observed_at)
    for field in STEP_FIELDS if elapsed <= STEP_SPAN else ():
        value, before, step = getattr(observation, field), getattr(reference, field), getattr(limits, field).step
        if None not in (value, before, step) and abs(value - before) > step:
            ago = f"{elapsed.total_seconds() / 60:.0f} min before" if elapsed else "before this revision"
            yield Suspicion(field, STEP, f"{value:g}, but {before:g} {ago}")
    gust, speed, below = observation.wind_gust, observation.wind_speed, limits.wind_gust.consistency
    if gust is not None and speed is not None and below is not None and gust < speed - below:
        yield Suspicion("wind_gust", CONSISTENCY, f"{gust:g}, but the wind is {speed:g}")


def _bounds(limits: Any) -> tuple[float, float]:
    return -inf if limits.low is None else limits.low, _or_any(limits.high)


def _or_any(limit: float | None) -> float:
    return inf if limit is None else limit
