"""Simulated observations of the past, so that a demo has a history from the start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from weatherd.observation import FetchedObservation, Observation
from weatherd.simulator.sky.weather import weather_at
from weatherd.wmo import describe_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from weatherd.city import City

SIMULATED_STATION = "simulated"  # marks each observation of the past
_STEP = timedelta(minutes=20)
_QUARTER = 900.0  # seconds; Open-Meteo's current weather is that of the latest quarter of an hour


def simulate_history(cities: Iterable[City], now: datetime, days: int) -> Iterator[FetchedObservation]:
    """Yield an observation every 20 minutes of the last *days* days, by time, up to the one that a poll at *now* gets.

    Each has the station ``simulated``.
    """
    listed = list(cities)
    end = datetime.fromtimestamp(now.timestamp() // _QUARTER * _QUARTER, UTC)
    at = end - timedelta(days=days)
    while at < end:
        yield from (FetchedObservation(city, _observe(city, at)) for city in listed)
        at += _STEP


def _observe(city: City, at: datetime) -> Observation:
    weather = weather_at(city.lat, city.lon, at.timestamp())
    return Observation(
        city.id,
        city.providers[0],
        at,
        at,
        round(weather.temperature, 1),
        describe_code(weather.code),
        weather.code,
        SIMULATED_STATION,
        round(weather.apparent_temperature, 1),
        round(weather.relative_humidity),
        round(weather.pressure_msl, 1),
        round(weather.wind_speed, 1),
        round(weather.wind_direction),
        round(weather.wind_gust, 1),
        round(weather.precipitation.total, 1),
        round(weather.cloud_cover),
        round(weather.visibility),
    )
