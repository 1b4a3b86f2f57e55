"""A journal with days of simulated weather, for views that show history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.observation import FetchedObservation, Observation
from weatherd.simulator.sky.weather import weather_at
from weatherd.wmo import describe_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from weatherd.city import City

STEP = 900  # seconds


def observe(city: City, at: float, provider: str = "open-meteo") -> Observation:
    """Return the simulated observation of a city at a POSIX time."""
    weather, time = weather_at(city.lat, city.lon, at), datetime.fromtimestamp(at, UTC)
    rain = weather.precipitation
    return Observation(
        city=city.id,
        provider=provider,
        observed_at=time,
        fetched_at=time,
        temperature=round(weather.temperature, 1),
        description=describe_code(weather.code),
        code=weather.code,
        apparent_temperature=round(weather.apparent_temperature, 1),
        relative_humidity=round(weather.relative_humidity),
        pressure_msl=round(weather.pressure_msl, 1),
        wind_speed=round(weather.wind_speed, 1),
        wind_direction=round(weather.wind_direction),
        wind_gust=round(weather.wind_gust, 1),
        precipitation=round(rain.rain + rain.showers + rain.snow_water, 1),
        cloud_cover=round(weather.cloud_cover),
        visibility=round(weather.visibility),
    )


def fill_journal(
    folder: Path, cities: Sequence[City], now: float, days: float, gaps: Iterable[tuple[float, float]] = ()
) -> None:
    """Write observations every 15 minutes for *days* until *now*, but for the *gaps*: hours ago, from and to."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(folder / JOURNAL_FILE)
    try:
        end = int(now) // STEP * STEP
        silent = [(now - begin * 3600, now - until * 3600) for begin, until in gaps]
        for at in range(int(end - days * 86400), end + 1, STEP):
            if not any(begin < at < until for begin, until in silent):
                store.add([FetchedObservation(city, observe(city, at)) for city in cities])
    finally:
        store.close()
