"""A station's observation in the National Weather Service's units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.simulator.sky.weather import Weather, ground_elevation, weather_at

if TYPE_CHECKING:
    from datetime import datetime

    from weatherd.simulator.sky.clock import WeatherClock

_TEXTS = {
    0: ("Clear", "skc"),
    1: ("Mostly Clear", "few"),
    2: ("Partly Cloudy", "sct"),
    3: ("Cloudy", "ovc"),
    **dict.fromkeys((45, 48), ("Fog", "fog")),
    51: ("Light Drizzle", "rain"),
    53: ("Drizzle", "rain"),
    55: ("Heavy Drizzle", "rain"),
    **dict.fromkeys((56, 66), ("Light Freezing Rain", "fzra")),
    **dict.fromkeys((57, 67), ("Freezing Rain", "fzra")),
    61: ("Light Rain", "rain"),
    63: ("Rain", "rain"),
    65: ("Heavy Rain", "rain"),
    **dict.fromkeys((71, 77), ("Light Snow", "snow")),
    73: ("Snow", "snow"),
    75: ("Heavy Snow", "snow"),
    **dict.fromkeys((80, 81, 82), ("Rain Showers", "rain_showers")),
    **dict.fromkeys((85, 86), ("Snow Showers", "snow")),
    **dict.fromkeys((95, 96, 99), ("Thunderstorms", "tsra")),
}
_PRESENT = {"rain": "rain", "rain_showers": "rain", "snow": "snow", "fzra": "rain", "fog": "fog_mist"}


def observation_properties(station: str, lat: float, lon: float, time: datetime, pace: WeatherClock) -> dict[str, Any]:
    """Return the properties of what the station at an address observed at a time."""
    sky = weather_at(lat, lon, pace.weather_time(time.timestamp()))
    text, icon = _TEXTS[sky.code]
    stamp = time.isoformat()
    return {
        "@id": f"{station}/observations/{stamp}",
        "simulated": True,
        "station": station,
        "stationId": station.rpartition("/")[2],
        "timestamp": stamp,
        "rawMessage": "",
        "textDescription": text,
        "icon": f"/icons/land/{'day' if sky.is_day else 'night'}/{icon}?size=medium",
        "presentWeather": _present(icon, text),
        "elevation": _quantity("m", ground_elevation(lat, lon)),
        **_quantities(sky),
        "cloudLayers": [{"base": _quantity("m", 900), "amount": _amount(sky.cloud_cover)}],
    }


def _quantities(sky: Weather) -> dict[str, Any]:
    return {
        "temperature": _quantity("degC", round(sky.temperature, 1)),
        "dewpoint": _quantity("degC", round(sky.dew_point, 1)),
        "windDirection": _quantity("degree_(angle)", round(sky.wind_direction, -1)),
        "windSpeed": _quantity("km_h-1", round(sky.wind_speed * 3.6, 2)),
        "windGust": _quantity("km_h-1", round(sky.wind_gust * 3.6, 2)),
        "barometricPressure": _quantity("Pa", round(sky.surface_pressure * 100)),
        "seaLevelPressure": _quantity("Pa", round(sky.pressure_msl * 100)),
        "visibility": _quantity("m", round(min(sky.visibility, 16_090))),
        "precipitationLastHour": _quantity("mm", round(sky.precipitation.total, 2)),
        "relativeHumidity": _quantity("percent", round(sky.relative_humidity, 2)),
        "windChill": _quantity("degC", None),
        "heatIndex": _quantity("degC", None),
    }


def _quantity(unit: str, value: float | None) -> dict[str, Any]:
    return {"unitCode": f"wmoUnit:{unit}", "value": value, "qualityControl": "Z" if value is None else "V"}


def _present(icon: str, text: str) -> list[dict[str, Any]]:
    if icon == "tsra":
        return [{"intensity": None, "modifier": None, "weather": "thunderstorms", "rawString": "TS"}]
    if icon not in _PRESENT:
        return []
    weather = "drizzle" if "Drizzle" in text else _PRESENT[icon]
    intensity = "light" if "Light" in text else "heavy" if "Heavy" in text else None
    modifier = "freezing" if "Freezing" in text else "showers" if "Showers" in text else None
    return [{"intensity": intensity, "modifier": modifier, "weather": weather, "rawString": ""}]


def _amount(cover: float) -> str:
    return next((name for most, name in ((6, "CLR"), (25, "FEW"), (50, "SCT"), (87, "BKN")) if cover < most), "OVC")
