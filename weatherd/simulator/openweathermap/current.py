"""OpenWeatherMap's current weather 2.5: a query in, a status and a JSON body out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from weatherd.simulator.openweathermap.conditions import weather_condition
from weatherd.simulator.openweathermap.request import UnitSystem, WeatherRequest, parse_weather_request
from weatherd.simulator.places.gazetteer import guess_timezone
from weatherd.simulator.query import Query, RejectedRequestError, StatusAndBody
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.sky.sun import sunrise_and_sunset
from weatherd.simulator.sky.weather import Weather, weather_at

if TYPE_CHECKING:
    from datetime import datetime

_STEP = 600  # s: how often the real service recomputes a place
_FARTHEST = 10_000  # m: the real service tells no better visibility


def handle_weather(query: Query, now: datetime, pace: WeatherClock = REAL_TIME) -> StatusAndBody:
    """Answer ``/data/2.5/weather``: 200 with the weather, or 400, 401, 404 with ``cod`` and ``message``."""
    try:
        request = parse_weather_request(query)
    except RejectedRequestError as refusal:
        return weather_error_response(refusal)
    sky = weather_at(request.lat, request.lon, pace.newest(now.timestamp(), _STEP))
    return 200, _body(request, sky, now)


def weather_error_response(refusal: RejectedRequestError) -> StatusAndBody:
    """Turn a request down in this service's form, in which ``cod`` is a number for 401 and a string else."""
    status = refusal.status
    return status, {"cod": status if status in {401, 429} else str(status), "message": str(refusal)}


def _body(request: WeatherRequest, sky: Weather, now: datetime) -> dict[str, Any]:
    seconds, place, scales = now.timestamp(), request.place, request.scales
    home = ZoneInfo(place.timezone) if place else guess_timezone(request.lat, request.lon)
    offset = now.astimezone(home).utcoffset()
    return {
        "coord": {"lon": round(request.lon, 4), "lat": round(request.lat, 4)},
        "weather": [weather_condition(sky.code, sky.cloud_cover, is_day=sky.is_day)],
        "base": "simulated",
        "main": _main(sky, scales),
        "visibility": round(min(sky.visibility, _FARTHEST)),
        "wind": _wind(sky, scales),
        **_fall(sky),
        "clouds": {"all": round(sky.cloud_cover)},
        "dt": int(seconds - seconds % _STEP),
        "sys": _sys(request, seconds),
        "timezone": int(offset.total_seconds()) if offset else 0,
        "id": place.id if place else 0,
        "name": place.name if place else "",
        "cod": 200,
    }


def _main(sky: Weather, scales: UnitSystem) -> dict[str, float]:
    return {
        "temp": scales.temperature(sky.temperature),
        "feels_like": scales.temperature(sky.apparent_temperature),
        "temp_min": scales.temperature(sky.temperature - 0.8),
        "temp_max": scales.temperature(sky.temperature + 0.8),
        "pressure": round(sky.pressure_msl),
        "humidity": round(sky.relative_humidity),
        "sea_level": round(sky.pressure_msl),
        "grnd_level": round(sky.surface_pressure),
    }


def _wind(sky: Weather, scales: UnitSystem) -> dict[str, float]:
    return {
        "speed": scales.wind(sky.wind_speed),
        "deg": round(sky.wind_direction),
        "gust": scales.wind(sky.wind_gust),
    }


def _fall(sky: Weather) -> dict[str, dict[str, float]]:
    """Return ``rain`` and ``snow``, which are there only when they fall, in mm of water an hour."""
    rates = {"rain": sky.precipitation.rain + sky.precipitation.showers, "snow": sky.precipitation.snow_water}
    return {name: {"1h": round(rate, 2)} for name, rate in rates.items() if rate}


def _sys(request: WeatherRequest, seconds: float) -> dict[str, Any]:
    span = sunrise_and_sunset(request.lat, request.lon, seconds)
    return {
        "type": 1,
        "id": 1,
        **({"country": request.place.country_code} if request.place else {}),
        **({"sunrise": int(span[0]), "sunset": int(span[1])} if span else {}),
    }
