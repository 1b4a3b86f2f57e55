"""The sections of an Open-Meteo answer: current, minutely_15, hourly and daily, each with its units."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from weatherd.simulator.open_meteo.daily import DAILY, SUN_TIMES
from weatherd.simulator.open_meteo.variables import VARIABLES
from weatherd.simulator.sky.sun import DAY, daylight
from weatherd.simulator.sky.weather import Weather, weather_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.simulator.open_meteo.units import Unit
    from weatherd.simulator.sky.clock import Pace

INTERVAL = 900  # s: how often the real service's current values are new
_HOUR = 3600.0
Section: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """One place as a client wants to see it: since when, in which units, on which clock."""

    lat: float
    lon: float
    now: float  # unix seconds
    offset: int  # of the local clock from UTC, in seconds
    past_days: int
    forecast_days: int
    units: Mapping[str, Unit]
    unixtime: bool
    pace: Pace

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
        return self.now - (self.now + self.offset) % DAY - self.past_days * DAY

    @property
    def days(self) -> int:
        """The length of all series."""
        return self.past_days + self.forecast_days


def current(view: DaemonStatus, names: Sequence[str]) -> Section:
    """Return the section ``current``, at the time of the newest data."""
    weather = weather_at(view.lat, view.lon, view.pace.newest(view.now, INTERVAL))
    values = {name: _read(view, name, weather, INTERVAL / _HOUR) for name in names}
    head = {"time": view.write_time(view.now - view.now % INTERVAL), "interval": INTERVAL}
    units = {**_time_unit(view), "interval": "seconds", **{name: _symbol(view, name) for name in names}}
    return {"current_units": units, "current": {**head, **values}}


def current_weather(view: DaemonStatus) -> Section:
    """Return the section that was the only current one before 2023."""
    old_names = {
        "temperature": "temperature_2m",
        "windspeed": "wind_speed_10m",
        "winddirection": "wind_direction_10m",
        "is_day": "is_day",
        "weathercode": "weather_code",
    }
    section = current(view, tuple(old_names.values()))
    renamed = dict(zip(old_names.values(), old_names, strict=True))
    return {
        key.replace("current", "current_weather"): {renamed.get(name, name): part[name] for name in part}
        for key, part in section.items()
    }


def series(view: DaemonStatus, section: str, names: Sequence[str], step: float) -> Section:
    """Return ``hourly`` or ``minutely_15``: for each variable a list of values, ``step`` seconds apart."""
    moments = [view.first_midnight + index * step for index in range(int(view.days * DAY / step))]
    weathers = [view.weather(at) for at in moments]
    lists = {name: [_read(view, name, weather, step / _HOUR) for weather in weathers] for name in names}
    units = {**_time_unit(view), **{name: _symbol(view, name) for name in names}}
    return {f"{section}_units": units, section: {"time": [*map(view.write_time, moments)], **lists}}


def daily(view: DaemonStatus, names: Sequence[str]) -> Section:
    """Return ``daily``: for each variable a list of values, one a local day."""
    midnights = [view.first_midnight + day * DAY for day in range(view.days)]
    days = [[view.weather(midnight + hour * _HOUR) for hour in range(24)] for midnight in midnights]
    lists: dict[str, list[Any]] = {name: [_make(view, name, hours) for hours in days] for name in names}
    lists.update({name: _sun_times(view, name, midnights) for name in names if name in SUN_TIMES})
    dates = [view.write_time(at) if view.unixtime else str(view.write_time(at))[:10] for at in midnights]
    units = {**_time_unit(view), **{name: _daily_symbol(view, name) for name in names}}
    return {"daily_units": units, "daily": {"time": dates, **lists}}


def _read(view: DaemonStatus, name: str, weather: Weather, hours: float) -> float | None:
    if (variable := VARIABLES.get(name)) is None:
        return None
    return view.units[variable.kind].write(variable.read(weather, hours))


def _make(view: DaemonStatus, name: str, hours: Sequence[Weather]) -> float | None:
    if (variable := DAILY.get(name)) is None:
        return None
    return view.units[variable.kind].write(variable.make(hours))


def _sun_times(view: DaemonStatus, name: str, midnights: Sequence[float]) -> list[int | str | None]:
    spans = [daylight(view.lat, view.lon, midnight + DAY / 2) for midnight in midnights]
    return [None if span is None else view.write_time(span[SUN_TIMES.index(name)]) for span in spans]


def _symbol(view: DaemonStatus, name: str) -> str:
    return view.units[VARIABLES[name].kind].symbol if name in VARIABLES else "undefined"


def _daily_symbol(view: DaemonStatus, name: str) -> str:
    if name in SUN_TIMES:
        return _time_unit(view)["time"]
    return view.units[DAILY[name].kind].symbol if name in DAILY else "undefined"


def _time_unit(view: DaemonStatus) -> dict[str, str]:
    return {"time": "unixtime" if view.unixtime else "iso8601"}
