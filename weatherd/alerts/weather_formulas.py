"""Quantities that are computed from an observation. Outside the range of its formula each is None, never a guess.

Temperatures are in °C, relative humidity in %, always over water, and speeds in m/s. Humidity above 100 %, which
instruments report in fog, counts as 100 %. The pressure of water vapour is Magnus' formula with the constants of the
World Meteorological Organization (WMO-No. 8, Guide to Instruments and Methods of Observation, Annex 4.B), in hPa.
"""

from __future__ import annotations

from math import exp, log, sqrt

_WATER = (17.62, 243.12)  # for -45 to 60 °C
_ICE = (22.46, 272.62)  # for -65 to 0 °C
_COLDEST, _HOTTEST, _COLDEST_ICE = -45.0, 60.0, -65.0
_FREEZING_VAPOUR = 6.112  # hPa, at 0 °C
_SATURATED = 100.0  # %
_SEA_LEVEL = 1013.25  # hPa
_PRECISION = 1e-4  # K


def dew_point(temperature: float, relative_humidity: float) -> float | None:
    """Return the temperature in °C at which dew forms: WMO-No. 8, Annex 4.B, for air and result from -45 to 60 °C.

    It is never above the air's temperature. Air without any vapour has none.
    """
    vapour = _vapour_pressure(temperature, relative_humidity)
    if vapour is None:
        return None
    point = _invert_vapour(vapour, _WATER)
    return min(point, temperature) if point >= _COLDEST else None


def frost_point(temperature: float, relative_humidity: float) -> float | None:
    """Return the temperature in °C at which frost forms: WMO-No. 8, Annex 4.B, for results from -65 to 0 °C.

    Above 0 °C there is none, because dew forms. It is up to 4 K above the dew point; below 0 °C and near 100 %, it is
    above the air's temperature, because the air holds more vapour than it could above ice.
    """
    vapour = _vapour_pressure(temperature, relative_humidity)
    if vapour is None:
        return None
    point = _invert_vapour(vapour, _ICE)
    return point if _COLDEST_ICE <= point <= 0 else None


def wet_bulb(temperature: float, relative_humidity: float) -> float | None:
    """Return the temperature in °C of a wet thermometer in moving air, for air and result from -45 to 60 °C.

    It is the solution of the psychrometer's formula for a bulb covered with water, also below 0 °C, in WMO-No. 8, Annex
    4.B, at 1013.25 hPa: e = e(t) - 0.000653 (1 + 0.000944 t) p (T - t). At 2,000 m above the sea, it is
    1 K lower in damp and 2 K lower in dry air. It is between the dew point and the air's temperature.
    """
    vapour = _vapour_pressure(temperature, relative_humidity, allow_dry=True)
    if vapour is None:
        return None
    bulb, step = temperature, 1.0
    while step > _PRECISION:  # Newton's method, which approaches from above, because the excess is convex in the bulb's
        saturated = _saturation(bulb)
        factor = 0.000653 * _SEA_LEVEL
        excess = saturated - factor * (1 + 0.000944 * bulb) * (temperature - bulb) - vapour
        slope = saturated * 17.62 * 243.12 / (243.12 + bulb) ** 2
        slope += factor * (1 + 0.000944 * (2 * bulb - temperature))
        step = excess / slope
        bulb -= step
    return min(bulb, temperature) if bulb >= _COLDEST else None


def wind_chill(temperature: float, wind_speed: float) -> float | None:
    """Return the temperature in °C that wind makes skin feel: Environment Canada and US National Weather Service, 2001.

    13.12 + 0.6215 T - 11.37 V^0.16 + 0.3965 T V^0.16, with V in km/h at 10 m. It is defined up to 10 °C and for winds
    above 4.8 km/h; there is none in a calm.
    """
    speed = wind_speed * 3.6
    if not (temperature <= 10 and speed > 4.8):  # noqa: PLR2004 - the formula's range
        return None
    power: float = speed**0.16
    return min(13.12 + 0.6215 * temperature + (0.3965 * temperature - 11.37) * power, temperature)


def heat_index(temperature: float, relative_humidity: float) -> float | None:
    """Return the temperature in °C that humid heat feels like: US National Weather Service, Rothfusz (SR 90-23).

    With its adjustments for dry and humid air, and Steadman's simple formula where the result is below 80 °F:
    https://www.wpc.ncep.noaa.gov/html/heatindex_equation.shtml. For air from 27 to 50 °C.
    """
    if not (27 <= temperature <= 50 and relative_humidity >= 0):  # noqa: PLR2004 - the formula's range
        return None
    humidity, air = min(relative_humidity, _SATURATED), temperature * 1.8 + 32
    simple = 0.5 * (air + 61 + (air - 68) * 1.2 + humidity * 0.094)
    index = (simple + air) / 2
    if index >= 80:  # noqa: PLR2004 - °F
        index = _regress_heat(air, humidity)
    return (index - 32) / 1.8


def _regress_heat(air: float, humidity: float) -> float:
    """Return Rothfusz' regression with its adjustments, in °F."""
    index: float = (
        -42.379 + 2.04901523 * air + 10.14333127 * humidity - 0.22475541 * air * humidity
        - 6.83783e-3 * air**2 - 5.481717e-2 * humidity**2 + 1.22874e-3 * air**2 * humidity
        + 8.5282e-4 * air * humidity**2 - 1.99e-6 * air**2 * humidity**2
    )  # fmt: skip
    if humidity < 13 and air <= 112:  # noqa: PLR2004 - the adjustments' ranges
        return index - (13 - humidity) / 4 * sqrt((17 - abs(air - 95)) / 17)
    if humidity > 85 and air <= 87:  # noqa: PLR2004
        return index + (humidity - 85) / 10 * (87 - air) / 5
    return index


def _vapour_pressure(temperature: float, humidity: float, *, allow_dry: bool = False) -> float | None:
    if not (_COLDEST <= temperature <= _HOTTEST and (humidity > 0 or (allow_dry and humidity == 0))):
        return None
    return min(humidity, _SATURATED) / _SATURATED * _saturation(temperature)


def _saturation(temperature: float) -> float:
    return _FREEZING_VAPOUR * exp(_WATER[0] * temperature / (_WATER[1] + temperature))


def _invert_vapour(vapour: float, constants: tuple[float, float]) -> float:
    logarithm, (factor, offset) = log(vapour / _FREEZING_VAPOUR), constants
    return offset * logarithm / (factor - logarithm)
