"""The pretended weather: a pure function of place and time, the same in every process and for ever."""

from __future__ import annotations

import math
from dataclasses import dataclass

from weatherd.simulator.sky.noise import NoiseField, NoisePoint, normal_cdf
from weatherd.simulator.sky.precipitation import NO_PRECIPITATION, Precipitation, precipitation_at
from weatherd.simulator.sky.sun import SunPosition, sun_position
from weatherd.simulator.sky.wmo_codes import cloud_code, fog_code

_PRESSURE = NoiseField.make(1, kilometres=3500, days=5)
_MASSES = NoiseField.make(2, kilometres=4500, days=7)  # of warm and of cold air
_MOISTURE = NoiseField.make(3, kilometres=1500, days=2.5)
_CELLS = NoiseField.make(4, kilometres=300, days=0.6)  # that grow into showers
_WIND = NoiseField.make(5, kilometres=1200, days=1.5)
_INVERSION = NoiseField.make(6, kilometres=2000, days=4)  # warm air on top: fog, and rain that freezes
_HILLS = NoiseField.make(7, kilometres=900, days=math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The weather of one place at one moment; all of it agrees with itself."""

    temperature: float  # °C
    apparent_temperature: float  # °C
    relative_humidity: float  # %
    dew_point: float  # °C, never above the temperature
    pressure_msl: float  # hPa
    surface_pressure: float  # hPa
    wind_speed: float  # m/s
    wind_direction: float  # degrees, where it blows from
    wind_gust: float  # m/s, never below the speed
    precipitation: Precipitation
    cloud_cover: float  # %
    visibility: float  # m
    code: int  # WMO 4677, one of those that Open-Meteo documents
    is_day: bool


def weather_at(lat: float, lon: float, at: float) -> Weather:
    """Tell the weather at a place (degrees) and a time (unix seconds)."""
    spot, sun = NoisePoint.of(lat, lon, at), sun_position(lat, lon, at)
    low = -_PRESSURE.at(spot)
    wetness = normal_cdf(0.7 * (_MOISTURE.at(spot) + low))
    cells, inversion = normal_cdf(_CELLS.at(spot)), normal_cdf(_INVERSION.at(spot))
    cover = _between(0, (wetness - 0.2) / 0.5, 1)
    temperature = _temperature(lat, sun, masses=_MASSES.at(spot), cover=cover)
    speed = 3.5 * math.exp(0.45 * (0.9 * _WIND.at(spot) + 0.4 * low))
    falling = precipitation_at(temperature, wetness=wetness, cells=cells, inversion=inversion)
    foggy = falling == NO_PRECIPITATION and inversion > 0.7 and speed < 3.5 and wetness > 0.3 and sun.elevation < 8
    humidity = _humidity(wetness, sun, falling, foggy=foggy)
    clouds = 100 * max(cover, 0.85 if foggy else 0.6 if falling != NO_PRECIPITATION else 0)
    pressure = 1013 - (4 + 8 * abs(math.sin(math.radians(lat)))) * low
    return Weather(
        temperature=temperature,
        apparent_temperature=_apparent(temperature, humidity, speed),
        relative_humidity=humidity,
        dew_point=_dew_point(temperature, humidity),
        pressure_msl=pressure,
        surface_pressure=pressure * math.pow(1 - 2.25577e-5 * ground_elevation(lat, lon), 5.2559),
        wind_speed=speed,
        wind_direction=math.degrees(math.atan2(_MASSES.at(spot), low)) % 360,
        wind_gust=speed * (1.3 + 0.4 * cells),
        precipitation=falling,
        cloud_cover=clouds,
        visibility=_visibility(falling, wetness, foggy=foggy),
        code=fog_code(temperature) if foggy else cloud_code(clouds) if falling.code is None else falling.code,
        is_day=sun.is_up,
    )


def ground_elevation(lat: float, lon: float) -> float:
    """Tell the pretended height of the ground in whole metres above the sea."""
    return float(round(60 * math.exp(0.9 * _HILLS.at(NoisePoint.of(lat, lon, 0)))))


def _between(low: float, value: float, high: float) -> float:
    return max(low, min(value, high))


def _temperature(lat: float, sun: SunPosition, *, masses: float, cover: float) -> float:
    north = math.sin(math.radians(lat))
    climate = 27 - 34 * math.pow(abs(north), 2.4)
    summer = 17 * north * math.sin(sun.season - 0.45)  # late by 26 days
    day = 8 * (1 - 0.6 * cover) * _warmth_of_day(sun)
    warmth = climate + summer + day + (2 + 5 * abs(north)) * masses
    return warmth if warmth < 30 else 30 + 0.6 * (warmth - 30)  # hot air rises


def _warmth_of_day(sun: SunPosition) -> float:
    return sun.swing * math.cos(sun.hour_angle - 2 * math.pi * 2.5 / 24)  # warmest after noon


def _humidity(wetness: float, sun: SunPosition, falling: Precipitation, *, foggy: bool) -> float:
    least = 97 if foggy else 80 if falling != NO_PRECIPITATION else 12
    return _between(least, 45 + 45 * wetness - 14 * _warmth_of_day(sun), 100)


def _dew_point(temperature: float, humidity: float) -> float:
    """Invert Magnus' formula."""
    gamma = math.log(humidity / 100) + 17.625 * temperature / (243.04 + temperature)
    return min(temperature, 243.04 * gamma / (17.625 - gamma))


def _apparent(temperature: float, humidity: float, speed: float) -> float:
    """Apply Steadman's formula for the shade."""
    vapour = humidity / 100 * 6.105 * math.exp(17.27 * temperature / (237.7 + temperature))
    return temperature + 0.33 * vapour - 0.7 * speed - 4


def _visibility(falling: Precipitation, wetness: float, *, foggy: bool) -> float:
    if foggy:
        return 100 + 800 * (1 - wetness)
    return 24_000 / (1 + 0.4 * (falling.rain + falling.showers) + 4 * falling.snowfall)
