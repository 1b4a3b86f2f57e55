"""Smooth pretended chance: waves that run over the globe, so that neighbours in place and time are alike.

A sum of sines needs no lattice, no state and no random numbers, has no seam at the poles or the date line,
and is about normally distributed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_WAVES = 7
_EARTH = 6371.0  # km
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class NoisePoint:
    """A moment at a place, as the waves see it."""

    x: float  # on the unit sphere
    y: float
    z: float
    days: float

    @classmethod
    def of(cls, lat: float, lon: float, at: float) -> NoisePoint:
        """Put degrees and unix seconds on the sphere."""
        north, east = math.radians(lat), math.radians(lon)
        level = math.cos(north)
        return cls(level * math.cos(east), level * math.sin(east), math.sin(north), at / _DAY)


@dataclass(frozen=True, slots=True)
class _Wave:
    x: float  # radians a unit of the sphere
    y: float
    z: float
    pace: float  # radians a day
    phase: float

    def at(self, spot: NoisePoint) -> float:
        return math.sin(self.x * spot.x + self.y * spot.y + self.z * spot.z - self.pace * spot.days + self.phase)


@dataclass(frozen=True, slots=True)
class NoiseField:
    """One field of the weather, a number about normally distributed: mean 0, deviation 1, never beyond 4."""

    waves: tuple[_Wave, ...]

    @classmethod
    def make(cls, name: int, *, kilometres: float, days: float) -> NoiseField:
        """Make a field whose highs lie about so far apart; different names give unrelated fields."""
        return cls(tuple(_wave(name * _WAVES + index, kilometres, days) for index in range(_WAVES)))

    def at(self, spot: NoisePoint) -> float:
        """Tell the field at a spot."""
        return sum(wave.at(spot) for wave in self.waves) / math.sqrt(_WAVES / 2)


def _wave(index: int, kilometres: float, days: float) -> _Wave:
    height = 1 - 2 * _spread(index, 0.5497)
    level = math.sqrt(1 - height * height)
    number = 2 * math.pi * _EARTH / kilometres * (0.6 + 0.8 * _spread(index, 0.6711))
    angle = _GOLDEN_ANGLE * index
    return _Wave(
        x=number * level * math.cos(angle),
        y=number * level * math.sin(angle),
        z=number * height,
        pace=2 * math.pi / days * (0.6 + 0.8 * _spread(index, 0.8192)),
        phase=2 * math.pi * _spread(index, 0.7549),
    )


def _spread(index: int, step: float) -> float:
    """Spread whole numbers evenly over 0..1, as the multiples of an irrational step do."""
    return (index + 1) * step % 1


def normal_cdf(value: float) -> float:
    """Turn a normally distributed number into one that is evenly spread over 0..1."""
    return (1 + math.erf(value / math.sqrt(2))) / 2
