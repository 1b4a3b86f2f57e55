"""Observation of a station, in the units of the National Weather Service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.simulator.sky.weather import Weather, ground_elevation, weather_at

if TYPE_CHECKING:
    from datetime import datetime

    from weatherd.simulator.sky.clock import WeatherClock

_DESCRIPTIONS = {  # WMO code: textDescription, icon
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
_PRESENT_WEATHER = {"rain": "rain", "rain_showers": "rain", "snow": "snow", "fzra": "rain", "fog": "fog_mist"}


def observation_properties(station: str, lat: float, lon: float, time: datetime, clock: WeatherClock) -> dict[str, Any]:
    """Return the GeoJSON properties of an observation. *station* is the URL of the station."""
    weather = weather_at(lat, lon, clock.weather_time(time.timestamp()))
    text, icon = _DESCRIPTIONS[weather.code]
    timestamp = time.isoformat()
    return {
        "simulated": True,
        "@type": "wx:ObservationStation",
        "station": station,
        "stationId": station.rpartition("/")[2],
        "timestamp": timestamp,
        "rawMessage": "",
        "textDescription": text,
        "icon": f"/icons/land/{'day' if weather.is_day else 'night'}/{icon}?size=medium",
        "presentWeather": _present_weather(icon, text),
        "elevation": _quantity("m", ground_elevation(lat, lon)),
        **_quantities(weather),
        "cloudLayers": [{"base": _quantity("m", 900), "amount": _cloud_amount(weather.cloud_cover)}],
    }


def _quantities(weather: Weather) -> dict[str, Any]:
    return {
        "temperature": _quantity("degC", round(weather.temperature, 1)),
        "dewpoint": _quantity("degC", round(weather.dew_point, 1)),
        "windDirection": _quantity("degree_(angle)", round(weather.wind_direction, -1)),
        "windSpeed": _quantity("km_h-1", round(weather.wind_speed * 3.6, 2)),
        "windGust": _quantity("km_h-1", round(weather.wind_gust * 3.6, 2)),
        "barometricPressure": _quantity("Pa", round(weather.surface_pressure * 100)),
        "seaLevelPressure": _quantity("Pa", round(weather.pressure_msl * 100)),
        "visibility": _quantity("m", round(min(weather.visibility, 16_090))),
        "precipitationLastHour": _quantity("mm", round(weather.precipitation.total, 2)),
        "relativeHumidity": _quantity("percent", round(weather.relative_humidity, 2)),
        "windChill": _quantity("degC", None),
        "heatIndex": _quantity("degC", None),
    }


def _quantity(unit: str, value: float | None) -> dict[str, Any]:
    return {"unitCode": f"wmoUnit:{unit}", "value": value, "qualityControl": "Z" if value is None else "V"}


def _present_weather(icon: str, text: str) -> list[dict[str, Any]]:
    if icon == "tsra":
        return [{"intensity": None, "modifier": None, "weather": "thunderstorms", "rawString": "TS"}]
    if icon not in _PRESENT_WEATHER:
        return []
    weather = "drizzle" if "Drizzle" in text else _PRESENT_WEATHER[icon]
    intensity = "light" if "Light" in text else "heavy" if "Heavy" in text else None
    modifier = "freezing" if "Freezing" in text else "showers" if "Showers" in text else None
    return [{"intensity": intensity, "modifier": modifier, "weather": weather, "rawString": ""}]


def _cloud_amount(cover: float) -> str:
    return next((name for limit, name in ((6, "CLR"), (25, "FEW"), (50, "SCT"), (87, "BKN")) if cover < limit), "OVC")
