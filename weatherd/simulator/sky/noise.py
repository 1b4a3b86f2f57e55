"""Smooth noise over the globe and time, so that neighbouring places and moments have similar weather.

A field is a sum of plane waves on the sphere. It needs no lattice, no state and no random numbers, has no seam at the
poles or the date line, and its values are approximately normally distributed (central limit theorem).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_WAVES = 7
_EARTH_RADIUS = 6371.0  # km
_DAY = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class NoisePoint:
    """Place and time in the coordinates of the waves."""

    x: float  # on the unit sphere
    y: float
    z: float
    days: float

    @classmethod
    def from_degrees(cls, lat: float, lon: float, at: float) -> NoisePoint:
        """Convert degrees and POSIX seconds."""
        lat_radians, lon_radians = math.radians(lat), math.radians(lon)
        radius = math.cos(lat_radians)  # of the circle of latitude
        return cls(radius * math.cos(lon_radians), radius * math.sin(lon_radians), math.sin(lat_radians), at / _DAY)


@dataclass(frozen=True, slots=True)
class _PlaneWave:
    x: float  # radians per unit of the sphere
    y: float
    z: float
    frequency: float  # radians per day
    phase: float

    def value_at(self, point: NoisePoint) -> float:
        angle = self.x * point.x + self.y * point.y + self.z * point.z - self.frequency * point.days + self.phase
        return math.sin(angle)


@dataclass(frozen=True, slots=True)
class NoiseField:
    """Field of the weather: approximately normal, with mean 0 and standard deviation 1, within -4 and 4."""

    waves: tuple[_PlaneWave, ...]

    @classmethod
    def create(cls, seed: int, *, kilometres: float, days: float) -> NoiseField:
        """Create a field with these typical distances between highs. Different seeds give unrelated fields."""
        return cls(tuple(_create_wave(seed * _WAVES + index, kilometres, days) for index in range(_WAVES)))

    def value_at(self, point: NoisePoint) -> float:
        """Return the value of the field."""
        return sum(wave.value_at(point) for wave in self.waves) / math.sqrt(_WAVES / 2)


def _create_wave(index: int, kilometres: float, days: float) -> _PlaneWave:
    """Create a wave whose direction is a point of a Fibonacci sphere."""
    height = 1 - 2 * _low_discrepancy(index, 0.5497)
    radius = math.sqrt(1 - height * height)
    wave_number = 2 * math.pi * _EARTH_RADIUS / kilometres * (0.6 + 0.8 * _low_discrepancy(index, 0.6711))
    angle = _GOLDEN_ANGLE * index
    return _PlaneWave(
        x=wave_number * radius * math.cos(angle),
        y=wave_number * radius * math.sin(angle),
        z=wave_number * height,
        frequency=2 * math.pi / days * (0.6 + 0.8 * _low_discrepancy(index, 0.8192)),
        phase=2 * math.pi * _low_discrepancy(index, 0.7549),
    )


def _low_discrepancy(index: int, step: float) -> float:
    """Return the term of an additive recurrence, which covers 0 to 1 evenly."""
    return (index + 1) * step % 1


def normal_cdf(value: float) -> float:
    """Return the cumulative distribution function of the standard normal distribution: uniform from 0 to 1."""
    return (1 + math.erf(value / math.sqrt(2))) / 2
