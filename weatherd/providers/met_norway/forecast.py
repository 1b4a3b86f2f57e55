"""A forecast of MET Norway: parsed, reduced to the steps of about a day, and stored as text."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weatherd.errors import Failure, ProviderError
from weatherd.observation import Observation
from weatherd.providers.kit.numbers import BOUNDS, Number, NumberTable
from weatherd.providers.met_norway.symbols import parse_symbol
from weatherd.providers.values import (
    PRECIPITATION,
    as_mapping,
    clean_text,
    parse_iso_time,
    parse_number,
    parse_temperature,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.city import City

_MAX_STEPS = 30
_HOUR = 3600.0
_MAX_CLOCK_LEAD = 600.0  # seconds by which the service's clock may be ahead of ours
_PERIODS = {"next_1_hours": 1, "next_6_hours": 6, "next_12_hours": 12}  # with their hours, the shortest first
_NUMBERS = NumberTable(
    Number("temperature", "air_temperature"),
    Number("relative_humidity", "relative_humidity"),
    Number("pressure_msl", "air_pressure_at_sea_level"),
    Number("wind_speed", "wind_speed"),
    Number("wind_direction", "wind_from_direction"),
    Number("wind_gust", "wind_speed_of_gust"),
    Number("cloud_cover", "cloud_area_fraction"),
)


@dataclass(frozen=True, slots=True)
class ForecastStep:
    """The forecast for a period."""

    time: float  # POSIX
    hours: int  # for which it is valid
    temperature: float  # °C
    symbol: str  # "" for none
    next_hour_precipitation: float | None  # mm, in the hour that begins at ``time``
    details: dict[str, float | None]  # by the service's names: %, hPa, m/s, degrees


@dataclass(frozen=True, slots=True)
class Forecast:
    """The steps of a response, with the times that decide when to request the next one."""

    steps: tuple[ForecastStep, ...]  # by time; the first may be the one of the past hour
    last_modified: str  # unchanged, for ``If-Modified-Since``; "" for none
    fetched: float  # POSIX, of the response or of the latest "304 Not Modified"
    expires: float  # POSIX, by our clock

    def step_at(self, now: float) -> ForecastStep | None:
        """Return the step that covers the POSIX time *now*, or None."""
        past = [step for step in self.steps if step.time <= now]
        step = past[-1] if past else _imminent_step(self.steps, now)
        return step if step and now < step.time + step.hours * _HOUR else None

    def precipitation_before(self, step: ForecastStep) -> float | None:
        """Return the mm that fell in the hour before *step*, or None if no step of this forecast is of that hour."""
        return next((before.next_hour_precipitation for before in self.steps if before.time == step.time - _HOUR), None)

    def dump(self) -> str:
        """Return the forecast as text, for :func:`load_forecast`."""
        return json.dumps(asdict(self), separators=(",", ":"))


def load_forecast(text: str | None) -> Forecast | None:
    """Return the forecast that :meth:`Forecast.dump` wrote, or None for anything else."""
    try:
        stored = json.loads(text or "")
        steps = tuple(_load_step(**step) for step in stored["steps"])
        modified = stored["last_modified"]
        if not isinstance(modified, str) or not modified.isprintable():
            return None
        return Forecast(steps, modified, _load_time(stored["fetched"]), _load_time(stored["expires"]))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, ProviderError):
        return None


def parse_steps(document: Any, now: float, known: Sequence[ForecastStep] = ()) -> tuple[ForecastStep, ...]:
    """Return the steps in *document* from the one that covers the POSIX time *now*, after the one of the hour before.

    That hour is taken from *known*, the steps of an earlier forecast, if it is missing in *document*: the service sends
    it no more, but the precipitation of the past hour is in it. Raises ProviderError if no step covers *now*.
    """
    series = as_mapping(as_mapping(document).get("properties")).get("timeseries")
    if not isinstance(series, list) or not series:
        raise ProviderError("the response is not a forecast", Failure.MALFORMED)
    parsed = (_parse_step(as_mapping(entry)) for entry in series)
    steps = sorted((step for step in parsed if step), key=lambda step: step.time)
    current = [step for step in steps if now < step.time + step.hours * _HOUR]
    if not current or not (current[0].time <= now or _imminent_step(current, now)):
        raise ProviderError("the response has no forecast for the current time", Failure.EMPTY)
    before = [step for step in (*known, *steps) if step.time == current[0].time - _HOUR]
    return (*before[-1:], *current[:_MAX_STEPS])


def begins_at(document: Any, time: float) -> bool:
    """Return whether the first step of a response covers the POSIX time *time*."""
    series = as_mapping(as_mapping(document).get("properties")).get("timeseries")
    step = _parse_step(as_mapping(series[0])) if isinstance(series, list) and series else None
    return step is not None and step.time <= time < step.time + _HOUR


def observation_from_step(city: City, provider: str, step: ForecastStep, forecast: Forecast) -> Observation:
    """Return the weather of *step*, which is one of *forecast*, as an observation of *city*."""
    code, description = parse_symbol(step.symbol)
    return Observation(
        city=city.id,
        provider=provider,
        observed_at=datetime.fromtimestamp(step.time, UTC),
        fetched_at=datetime.fromtimestamp(forecast.fetched, UTC),
        description=description,
        code=code,
        precipitation=forecast.precipitation_before(step),
        **_NUMBERS.parse({**step.details, "air_temperature": step.temperature}),
    )


def _imminent_step(steps: Sequence[ForecastStep], now: float) -> ForecastStep | None:
    """Return the first step if it begins shortly, because the service's clock may be ahead of ours."""
    return steps[0] if steps and steps[0].time <= now + _MAX_CLOCK_LEAD else None


def _parse_step(entry: dict[str, Any]) -> ForecastStep | None:
    """Return the step of *entry*, or None if it has no time or temperature, because the others suffice."""
    data = as_mapping(entry.get("data"))
    instant = as_mapping(as_mapping(data.get("instant")).get("details"))
    try:
        time, celsius = parse_iso_time(entry.get("time")).timestamp(), parse_temperature(instant.get("air_temperature"))
    except ProviderError:
        return None
    periods = [(hours, as_mapping(data.get(name))) for name, hours in _PERIODS.items() if as_mapping(data.get(name))]
    symbols = (clean_text(as_mapping(period.get("summary")).get("symbol_code")) for _, period in periods)
    next_hour = as_mapping(as_mapping(data.get("next_1_hours")).get("details"))
    return ForecastStep(
        time=time,
        hours=periods[0][0] if periods else 1,
        temperature=celsius,
        symbol=next(filter(None, symbols), ""),
        next_hour_precipitation=parse_number(next_hour.get("precipitation_amount"), PRECIPITATION),
        details=_parse_details(instant),
    )


def _load_step(**stored: Any) -> ForecastStep:
    return ForecastStep(
        time=_load_time(stored["time"]),
        hours=stored["hours"] if stored["hours"] in _PERIODS.values() else 1,
        temperature=parse_temperature(stored["temperature"]),
        symbol=clean_text(stored["symbol"]),
        next_hour_precipitation=parse_number(stored["next_hour_precipitation"], PRECIPITATION),
        details=_parse_details(as_mapping(stored["details"])),
    )


def _parse_details(values: dict[str, Any]) -> dict[str, float | None]:
    return {row.path: parse_number(values.get(row.path), BOUNDS[row.field]) for row in _NUMBERS.rows[1:]}


def _load_time(value: Any) -> float:
    """Return a POSIX time between 1970 and 2286; raise ValueError for anything else."""
    seconds = parse_number(value, (0.0, 1e10))
    if seconds is None:
        raise ValueError("not a POSIX time")
    return seconds
