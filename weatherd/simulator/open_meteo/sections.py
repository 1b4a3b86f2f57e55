"""The sections of an Open-Meteo answer: current, minutely_15, hourly and daily, each with its units."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from weatherd.simulator.open_meteo.daily import DAILY_VARIABLES, SUN_VARIABLES
from weatherd.simulator.open_meteo.variables import INSTANT_VARIABLES
from weatherd.simulator.sky.sun import DAY_SECONDS, sunrise_and_sunset
from weatherd.simulator.sky.weather import Weather, weather_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.simulator.open_meteo.units import Unit
    from weatherd.simulator.sky.clock import WeatherClock

CURRENT_INTERVAL = 900  # s: how often the real service's current values are new
_HOUR = 3600.0
SectionBody: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastContext:
    """One place as a client wants to see it: since when, in which units, on which clock."""

    lat: float
    lon: float
    now: float  # unix seconds
    offset: int  # of the local clock from UTC, in seconds
    past_days: int
    forecast_days: int
    units: Mapping[str, Unit]
    unixtime: bool
    pace: WeatherClock

    def write_time(self, at: float) -> int | str:
        """Write unix seconds as true epoch or as local time without offset, as the client wants it."""
        if self.unixtime:
            return int(at)
        return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(at + self.offset))

    def weather(self, at: float) -> Weather:
        """Tell the weather at a true time."""
        return weather_at(self.lat, self.lon, self.pace.weather_time(at))

    @property
    def first_midnight(self) -> float:
        """The local midnight that all series begin at."""
        return self.now - (self.now + self.offset) % DAY_SECONDS - self.past_days * DAY_SECONDS

    @property
    def days(self) -> int:
        """The length of all series."""
        return self.past_days + self.forecast_days


def current_section(view: ForecastContext, names: Sequence[str]) -> SectionBody:
    """Return the section ``current``, at the time of the newest data."""
    weather = weather_at(view.lat, view.lon, view.pace.newest(view.now, CURRENT_INTERVAL))
    values = {name: _read(view, name, weather, CURRENT_INTERVAL / _HOUR) for name in names}
    head = {"time": view.write_time(view.now - view.now % CURRENT_INTERVAL), "interval": CURRENT_INTERVAL}
    units = {**_time_unit(view), "interval": "seconds", **{name: _symbol(view, name) for name in names}}
    return {"current_units": units, "current": {**head, **values}}


def legacy_current_section(view: ForecastContext) -> SectionBody:
    """Return the section that was the only current one before 2023."""
    old_names = {
        "temperature": "temperature_2m",
        "windspeed": "wind_speed_10m",
        "winddirection": "wind_direction_10m",
        "is_day": "is_day",
        "weathercode": "weather_code",
    }
    section = current_section(view, tuple(old_names.values()))
    renamed = dict(zip(old_names.values(), old_names, strict=True))
    return {
        key.replace("current", "current_weather"): {renamed.get(name, name): part[name] for name in part}
        for key, part in section.items()
    }


def time_series_section(view: ForecastContext, section: str, names: Sequence[str], step: float) -> SectionBody:
    """Return ``hourly`` or ``minutely_15``: for each variable a list of values, ``step`` seconds apart."""
    moments = [view.first_midnight + index * step for index in range(int(view.days * DAY_SECONDS / step))]
    weathers = [view.weather(at) for at in moments]
    lists = {name: [_read(view, name, weather, step / _HOUR) for weather in weathers] for name in names}
    units = {**_time_unit(view), **{name: _symbol(view, name) for name in names}}
    return {f"{section}_units": units, section: {"time": [*map(view.write_time, moments)], **lists}}


def daily_section(view: ForecastContext, names: Sequence[str]) -> SectionBody:
    """Return ``daily``: for each variable a list of values, one a local day."""
    midnights = [view.first_midnight + day * DAY_SECONDS for day in range(view.days)]
    days = [[view.weather(midnight + hour * _HOUR) for hour in range(24)] for midnight in midnights]
    lists: dict[str, list[Any]] = {name: [_make(view, name, hours) for hours in days] for name in names}
    lists.update({name: _sun_times(view, name, midnights) for name in names if name in SUN_VARIABLES})
    dates = [view.write_time(at) if view.unixtime else str(view.write_time(at))[:10] for at in midnights]
    units = {**_time_unit(view), **{name: _daily_symbol(view, name) for name in names}}
    return {"daily_units": units, "daily": {"time": dates, **lists}}


def _read(view: ForecastContext, name: str, weather: Weather, hours: float) -> float | None:
    if (variable := INSTANT_VARIABLES.get(name)) is None:
        return None
    return view.units[variable.kind].write(variable.read(weather, hours))


def _make(view: ForecastContext, name: str, hours: Sequence[Weather]) -> float | None:
    if (variable := DAILY_VARIABLES.get(name)) is None:
        return None
    return view.units[variable.kind].write(variable.make(hours))


def _sun_times(view: ForecastContext, name: str, midnights: Sequence[float]) -> list[int | str | None]:
    spans = [sunrise_and_sunset(view.lat, view.lon, midnight + DAY_SECONDS / 2) for midnight in midnights]
    return [None if span is None else view.write_time(span[SUN_VARIABLES.index(name)]) for span in spans]


def _symbol(view: ForecastContext, name: str) -> str:
    return view.units[INSTANT_VARIABLES[name].kind].symbol if name in INSTANT_VARIABLES else "undefined"


def _daily_symbol(view: ForecastContext, name: str) -> str:
    if name in SUN_VARIABLES:
        return _time_unit(view)["time"]
    return view.units[DAILY_VARIABLES[name].kind].symbol if name in DAILY_VARIABLES else "undefined"


def _time_unit(view: ForecastContext) -> dict[str, str]:
    return {"time": "unixtime" if view.unixtime else "iso8601"}
