"""Sections of an Open-Meteo response: current, minutely_15, hourly and daily, each with its units."""

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

    from weatherd.simulator.open_meteo.spans import StepSpan
    from weatherd.simulator.open_meteo.units import Unit
    from weatherd.simulator.sky.clock import WeatherClock

CURRENT_INTERVAL = 900  # seconds between two updates of the current values
_HOUR = 3600.0  # seconds
SectionBody: TypeAlias = dict[str, Any]
_LEGACY_NAMES = {  # name in the section used before 2023: name today
    "temperature": "temperature_2m",
    "windspeed": "wind_speed_10m",
    "winddirection": "wind_direction_10m",
    "is_day": "is_day",
    "weathercode": "weather_code",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastContext:
    """One location of a request: position, time range, units and local time."""

    lat: float
    lon: float
    now: float  # POSIX seconds
    utc_offset: int  # seconds, positive east of Greenwich
    past_days: int
    forecast_days: int
    units: Mapping[str, Unit]
    unixtime: bool
    clock: WeatherClock

    def format_time(self, at: float) -> int | str:
        """Format POSIX seconds as requested: as they are, or as local time without offset."""
        if self.unixtime:
            return int(at)
        return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(at + self.utc_offset))

    def weather(self, at: float) -> Weather:
        """Return the weather at a real time."""
        return weather_at(self.lat, self.lon, self.clock.weather_time(at))

    @property
    def first_midnight(self) -> float:
        """Local midnight at which all series begin."""
        return self.now - (self.now + self.utc_offset) % DAY_SECONDS - self.past_days * DAY_SECONDS

    @property
    def days(self) -> int:
        """Length of all series."""
        return self.past_days + self.forecast_days


def current_section(context: ForecastContext, names: Sequence[str]) -> SectionBody:
    """Return the section ``current``, at the time of the latest update."""
    weather = weather_at(context.lat, context.lon, context.clock.latest_update(context.now, CURRENT_INTERVAL))
    values = {name: _value(context, name, weather, CURRENT_INTERVAL / _HOUR) for name in names}
    head = {"time": context.format_time(context.now - context.now % CURRENT_INTERVAL), "interval": CURRENT_INTERVAL}
    units = {**_time_unit(context), "interval": "seconds", **{name: _symbol(context, name) for name in names}}
    return {"current_units": units, "current": {**head, **values}}


def legacy_current_section(context: ForecastContext) -> SectionBody:
    """Return the section ``current_weather``, which was the only current one before 2023."""
    section = current_section(context, tuple(_LEGACY_NAMES.values()))
    renamed = dict(zip(_LEGACY_NAMES.values(), _LEGACY_NAMES, strict=True))
    return {
        key.replace("current", "current_weather"): {renamed.get(name, name): part[name] for name in part}
        for key, part in section.items()
    }


def time_series_section(
    context: ForecastContext, section: str, names: Sequence[str], step: float, span: StepSpan | None = None
) -> SectionBody:
    """Return ``hourly`` or ``minutely_15``: for each variable a list of values, *step* seconds apart.

    Without a *span*, all requested days are returned.
    """
    if span is None:
        start, count = context.first_midnight, int(context.days * DAY_SECONDS / step)
    elif span.bounds:
        first, last = span.bounds
        start, count = first - context.utc_offset, int((last - first) / step) + 1
    else:
        start, count = context.now - context.now % step - span.past * step, span.past + span.coming
    times = [start + index * step for index in range(count)]
    weathers = [context.weather(at) for at in times]
    lists = {name: [_value(context, name, weather, step / _HOUR) for weather in weathers] for name in names}
    units = {**_time_unit(context), **{name: _symbol(context, name) for name in names}}
    return {f"{section}_units": units, section: {"time": [*map(context.format_time, times)], **lists}}


def daily_section(context: ForecastContext, names: Sequence[str]) -> SectionBody:
    """Return ``daily``: for each variable a list with one value per local day."""
    midnights = [context.first_midnight + day * DAY_SECONDS for day in range(context.days)]
    days = [[context.weather(midnight + hour * _HOUR) for hour in range(24)] for midnight in midnights]
    lists: dict[str, list[Any]] = {name: [_daily_value(context, name, hours) for hours in days] for name in names}
    lists.update({name: _sun_times(context, name, midnights) for name in names if name in SUN_VARIABLES})
    dates = [context.format_time(at) if context.unixtime else str(context.format_time(at))[:10] for at in midnights]
    units = {**_time_unit(context), **{name: _daily_symbol(context, name) for name in names}}
    return {"daily_units": units, "daily": {"time": dates, **lists}}


def _value(context: ForecastContext, name: str, weather: Weather, hours: float) -> float | None:
    if (variable := INSTANT_VARIABLES.get(name)) is None:
        return None
    return context.units[variable.kind].convert(variable.value_of(weather, hours))


def _daily_value(context: ForecastContext, name: str, hours: Sequence[Weather]) -> float | None:
    if (variable := DAILY_VARIABLES.get(name)) is None:
        return None
    return context.units[variable.kind].convert(variable.aggregate(hours))


def _sun_times(context: ForecastContext, name: str, midnights: Sequence[float]) -> list[int | str | None]:
    spans = [sunrise_and_sunset(context.lat, context.lon, midnight + DAY_SECONDS / 2) for midnight in midnights]
    return [None if span is None else context.format_time(span[SUN_VARIABLES.index(name)]) for span in spans]


def _symbol(context: ForecastContext, name: str) -> str:
    return context.units[INSTANT_VARIABLES[name].kind].symbol if name in INSTANT_VARIABLES else "undefined"


def _daily_symbol(context: ForecastContext, name: str) -> str:
    if name in SUN_VARIABLES:
        return _time_unit(context)["time"]
    return context.units[DAILY_VARIABLES[name].kind].symbol if name in DAILY_VARIABLES else "undefined"


def _time_unit(context: ForecastContext) -> dict[str, str]:
    return {"time": "unixtime" if context.unixtime else "iso8601"}
