"""Simulated weather: a pure function of place and time, the same in every process."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from weatherd.simulator.sky.noise import NoiseField, NoisePoint, normal_cdf
from weatherd.simulator.sky.precipitation import NO_PRECIPITATION, PrecipitationRates, precipitation_at
from weatherd.simulator.sky.sun import SunPosition, sun_position
from weatherd.simulator.sky.wmo_codes import cloud_code, fog_code

_PRESSURE = NoiseField.create(1, kilometres=3500, days=5)
_AIR_MASSES = NoiseField.create(2, kilometres=4500, days=7)  # warm and cold air
_MOISTURE = NoiseField.create(3, kilometres=1500, days=2.5)
_CONVECTION = NoiseField.create(4, kilometres=300, days=0.6)  # cells that grow into showers
_WIND = NoiseField.create(5, kilometres=1200, days=1.5)
_INVERSION = NoiseField.create(6, kilometres=2000, days=4)  # warm air aloft: fog and freezing rain
_HILLS = NoiseField.create(7, kilometres=900, days=math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Weather of a place at a time. All values are consistent with each other."""

    temperature: float  # °C
    apparent_temperature: float  # °C
    relative_humidity: float  # %
    dew_point: float  # °C, never above the temperature
    pressure_msl: float  # hPa
    surface_pressure: float  # hPa
    wind_speed: float  # m/s
    wind_direction: float  # degrees, the direction that the wind comes from
    wind_gust: float  # m/s, never below the wind speed
    precipitation: PrecipitationRates
    cloud_cover: float  # %
    visibility: float  # m
    code: int  # WMO 4677, limited to the codes that Open-Meteo documents
    is_day: bool


@functools.lru_cache(maxsize=4096)  # because clients request the quarters of the past hour again and again
def weather_at(lat: float, lon: float, at: float) -> Weather:
    """Return the weather at a place (degrees) and a time (POSIX seconds)."""
    point, sun = NoisePoint.from_degrees(lat, lon, at), sun_position(lat, lon, at)
    low = -_PRESSURE.value_at(point)
    wetness = normal_cdf(0.7 * (_MOISTURE.value_at(point) + low))
    convection, inversion = normal_cdf(_CONVECTION.value_at(point)), normal_cdf(_INVERSION.value_at(point))
    cover = _clamp((wetness - 0.2) / 0.5, 0, 1)
    temperature = _temperature(lat, sun, air_mass=_AIR_MASSES.value_at(point), cover=cover)
    speed = 3.5 * math.exp(0.45 * (0.9 * _WIND.value_at(point) + 0.4 * low))
    precipitation = precipitation_at(temperature, wetness=wetness, convection=convection, inversion=inversion)
    is_dry = precipitation == NO_PRECIPITATION
    is_foggy = is_dry and inversion > 0.7 and speed < 3.5 and wetness > 0.3 and sun.elevation < 8
    humidity = _humidity(wetness, sun, minimum=97 if is_foggy else 12 if is_dry else 80)
    clouds = 100 * max(cover, 0.85 if is_foggy else 0 if is_dry else 0.6)
    pressure = 1013 - (4 + 8 * abs(math.sin(math.radians(lat)))) * low
    dry_code = fog_code(temperature) if is_foggy else cloud_code(clouds)
    return Weather(
        temperature=temperature,
        apparent_temperature=_apparent_temperature(temperature, humidity, speed),
        relative_humidity=humidity,
        dew_point=_dew_point(temperature, humidity),
        pressure_msl=pressure,
        surface_pressure=pressure * math.pow(1 - 2.25577e-5 * ground_elevation(lat, lon), 5.2559),
        wind_speed=speed,
        wind_direction=math.degrees(math.atan2(_AIR_MASSES.value_at(point), low)) % 360,
        wind_gust=speed * (1.3 + 0.4 * convection),
        precipitation=precipitation,
        cloud_cover=clouds,
        visibility=100 + 800 * (1 - wetness) if is_foggy else _visibility(precipitation),
        code=dry_code if precipitation.code is None else precipitation.code,
        is_day=sun.is_up,
    )


def ground_elevation(lat: float, lon: float) -> float:
    """Return the simulated elevation of the ground in whole metres above sea level."""
    return float(round(60 * math.exp(0.9 * _HILLS.value_at(NoisePoint.from_degrees(lat, lon, 0)))))


def _clamp(value: float, low: float, high: float) -> float:
    return max(low, min(value, high))


def _temperature(lat: float, sun: SunPosition, *, air_mass: float, cover: float) -> float:
    sine = math.sin(math.radians(lat))
    annual_mean = 27 - 34 * math.pow(abs(sine), 2.4)
    seasonal = 17 * sine * math.sin(sun.season - 0.45)  # the seasons lag the sun by 26 days
    daily = 8 * (1 - 0.6 * cover) * _daily_cycle(sun)
    value = annual_mean + seasonal + daily + (2 + 5 * abs(sine)) * air_mass
    return value if value < 30 else 30 + 0.6 * (value - 30)  # because convection limits hot days


def _daily_cycle(sun: SunPosition) -> float:
    return sun.swing * math.cos(sun.hour_angle - 2 * math.pi * 2.5 / 24)  # warmest 2.5 hours after solar noon


def _humidity(wetness: float, sun: SunPosition, *, minimum: float) -> float:
    return _clamp(45 + 45 * wetness - 14 * _daily_cycle(sun), minimum, 100)


def _dew_point(temperature: float, humidity: float) -> float:
    """Return the dew point by the Magnus formula, with the coefficients of Alduchov and Eskridge (1996)."""
    gamma = math.log(humidity / 100) + 17.625 * temperature / (243.04 + temperature)
    return min(temperature, 243.04 * gamma / (17.625 - gamma))


def _apparent_temperature(temperature: float, humidity: float, speed: float) -> float:
    """Return the apparent temperature in the shade by Steadman's formula (1994)."""
    vapour_pressure = humidity / 100 * 6.105 * math.exp(17.27 * temperature / (237.7 + temperature))
    return temperature + 0.33 * vapour_pressure - 0.7 * speed - 4


def _visibility(precipitation: PrecipitationRates) -> float:
    return 24_000 / (1 + 0.4 * (precipitation.rain + precipitation.showers) + 4 * precipitation.snowfall)
