"""Simulated precipitation: its rate, its form and its WMO code."""

from __future__ import annotations

import math
from dataclasses import dataclass

from weatherd.simulator.sky.wmo_codes import rain_code, rain_shower_code, snow_code, snow_shower_code, thunder_code

SNOW_DEPTH = 0.7  # cm of fresh snow per mm of water
_SNOW_BELOW = 0.8  # °C


@dataclass(frozen=True, slots=True)
class PrecipitationRates:
    """Rates of precipitation. ``code`` is WMO 4677, or None without precipitation."""

    rain: float = 0.0  # mm/h, continuous
    showers: float = 0.0  # mm/h
    snowfall: float = 0.0  # cm/h
    code: int | None = None

    @property
    def snow_water(self) -> float:
        """Water equivalent of the snow in mm/h."""
        return self.snowfall / SNOW_DEPTH

    @property
    def total(self) -> float:
        """Total rate as water in mm/h."""
        return self.rain + self.showers + self.snow_water


NO_PRECIPITATION = PrecipitationRates()


def precipitation_at(temperature: float, *, wetness: float, convection: float, inversion: float) -> PrecipitationRates:
    """Return the precipitation for a temperature in °C and three fields of the weather, each 0 to 1."""
    storm = (convection - 0.88) / 0.12
    if storm > 0 and wetness > 0.45:
        return _convective(temperature, storm)
    saturation = (wetness - 0.75) / 0.25
    if saturation > 0:
        return _continuous(temperature, saturation, inversion)
    return NO_PRECIPITATION


def _convective(temperature: float, storm: float) -> PrecipitationRates:
    rate = 1.3 + 20 * storm**2 * _vapour_capacity(temperature)
    if temperature < _SNOW_BELOW:
        depth = min(rate, 4) * SNOW_DEPTH * storm
        return PrecipitationRates(snowfall=max(depth, 0.1), code=snow_shower_code(depth))
    if temperature > 12 and storm > 0.5:
        return PrecipitationRates(showers=rate, code=thunder_code(2 * storm - 1))
    return PrecipitationRates(showers=rate, code=rain_shower_code(rate))


def _continuous(temperature: float, saturation: float, inversion: float) -> PrecipitationRates:
    rate = 0.1 + 14 * saturation**3 * _vapour_capacity(temperature)
    freezing = -8 < temperature < 0 and inversion > 0.75
    if temperature < _SNOW_BELOW and not freezing:
        depth = rate * SNOW_DEPTH
        return PrecipitationRates(snowfall=depth, code=snow_code(depth, grains=rate < 0.2 and temperature < -1))
    return PrecipitationRates(rain=rate, code=rain_code(rate, freezing=freezing))


def _vapour_capacity(temperature: float) -> float:
    """Return how much water vapour the air can hold, relative to 15 °C."""
    return min(2.0, math.exp(0.05 * (temperature - 15)))
