"""OpenWeatherMap's current weather, after https://openweathermap.org/current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from weatherd.simulator.cadence import latest_owm_update
from weatherd.simulator.openweathermap.conditions import weather_condition
from weatherd.simulator.openweathermap.request import UnitSystem, WeatherRequest, parse_weather_request
from weatherd.simulator.places.gazetteer import guess_timezone
from weatherd.simulator.query import Query, RejectedRequestError, StatusAndBody
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.sky.sun import sunrise_and_sunset
from weatherd.simulator.sky.weather import Weather, weather_at

if TYPE_CHECKING:
    from datetime import datetime

_UPDATE_INTERVAL = 600  # seconds between two updates of a location
_MAX_VISIBILITY = 10_000  # m, the largest value that the service reports


def handle_weather(query: Query, now: datetime, clock: WeatherClock = REAL_TIME) -> StatusAndBody:
    """Handle ``/data/2.5/weather``: 200 with the weather, or 400, 401, 404 with ``cod`` and ``message``."""
    try:
        request = parse_weather_request(query)
    except RejectedRequestError as error:
        # As in the real service, cod is a number for 401 and a string for other errors.
        return error.status, {"cod": 401 if error.status == 401 else str(error.status), "message": str(error)}
    time = latest_owm_update(f"{request.lat:.4f},{request.lon:.4f}", now.timestamp())
    weather = weather_at(request.lat, request.lon, clock.report_time(time, now.timestamp(), _UPDATE_INTERVAL))
    return 200, _body(request, weather, now, time)


def _body(request: WeatherRequest, weather: Weather, now: datetime, updated_at: float) -> dict[str, Any]:
    seconds, place, units = now.timestamp(), request.place, request.units
    timezone = ZoneInfo(place.timezone) if place else guess_timezone(request.lat, request.lon)
    offset = now.astimezone(timezone).utcoffset()
    return {
        "coord": {"lon": round(request.lon, 4), "lat": round(request.lat, 4)},
        "weather": [weather_condition(weather.code, weather.cloud_cover, is_day=weather.is_day)],
        "base": "simulated",
        "main": _main(weather, units),
        "visibility": round(min(weather.visibility, _MAX_VISIBILITY)),
        "wind": _wind(weather, units),
        **_precipitation(weather),
        "clouds": {"all": round(weather.cloud_cover)},
        "dt": int(updated_at),
        "sys": _sys(request, seconds),
        "timezone": int(offset.total_seconds()) if offset else 0,
        "id": place.id if place else 0,
        "name": place.name if place else "",
        "cod": 200,
    }


def _main(weather: Weather, units: UnitSystem) -> dict[str, float]:
    return {
        "temp": units.convert_temperature(weather.temperature),
        "feels_like": units.convert_temperature(weather.apparent_temperature),
        "temp_min": units.convert_temperature(weather.temperature - 0.8),
        "temp_max": units.convert_temperature(weather.temperature + 0.8),
        "pressure": round(weather.pressure_msl),
        "humidity": round(weather.relative_humidity),
        "sea_level": round(weather.pressure_msl),
        "grnd_level": round(weather.surface_pressure),
    }


def _wind(weather: Weather, units: UnitSystem) -> dict[str, float]:
    return {
        "speed": units.convert_speed(weather.wind_speed),
        "deg": round(weather.wind_direction),
        "gust": units.convert_speed(weather.wind_gust),
    }


def _precipitation(weather: Weather) -> dict[str, dict[str, float]]:
    """Return ``rain`` and ``snow`` in mm/h of water. Each is present only while it falls."""
    precipitation = weather.precipitation
    rates = {"rain": precipitation.rain + precipitation.showers, "snow": precipitation.snow_water}
    return {name: {"1h": round(rate, 2)} for name, rate in rates.items() if rate}


def _sys(request: WeatherRequest, seconds: float) -> dict[str, Any]:
    span = sunrise_and_sunset(request.lat, request.lon, seconds)
    return {
        "type": 1,
        "id": 1,
        **({"country": request.place.country_code} if request.place else {}),
        **({"sunrise": int(span[0]), "sunset": int(span[1])} if span else {}),
    }
