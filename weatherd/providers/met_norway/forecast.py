"""A forecast of MET Norway, reduced to what tells the weather of now for a day or so, as it is kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weatherd.errors import Failure, ProviderError
from weatherd.observation import Observation
from weatherd.providers.met_norway.symbols import parse_symbol
from weatherd.providers.values import (
    CLOUD_COVER,
    PRECIPITATION,
    PRESSURE_MSL,
    RELATIVE_HUMIDITY,
    WIND_DIRECTION,
    WIND_SPEED,
    as_mapping,
    clean_text,
    parse_iso_time,
    parse_number,
    parse_temperature,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.city import City

_MOST_STEPS = 30
_HOUR = 3600.0
_AHEAD = 600.0
_PERIODS = {"next_1_hours": 1, "next_6_hours": 6, "next_12_hours": 12}
_DETAILS = {
    "relative_humidity": RELATIVE_HUMIDITY,
    "air_pressure_at_sea_level": PRESSURE_MSL,
    "wind_speed": WIND_SPEED,
    "wind_from_direction": WIND_DIRECTION,
    "wind_speed_of_gust": WIND_SPEED,
    "cloud_area_fraction": CLOUD_COVER,
}


@dataclass(frozen=True, slots=True)
class ForecastStep:
    """The weather from a time on, in the service's names and units: hPa, %, m/s, degrees."""

    time: float  # POSIX
    hours: int  # that it covers
    temperature: float  # °C
    symbol: str  # "" for none
    precipitation: float | None  # mm in the hour that follows
    details: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the service said, with the times that decide when it is asked again."""

    steps: tuple[ForecastStep, ...]
    last_modified: str  # as it was sent, for ``If-Modified-Since``; "" for none
    fetched: float  # POSIX, also when it was found to be unchanged
    expires: float  # POSIX, by our clock

    def step(self, now: float) -> ForecastStep | None:
        """Return the step that covers the POSIX time *now*."""
        past = [step for step in self.steps if step.time <= now]
        step = past[-1] if past else _about_to_begin(self.steps, now)
        return step if step and now < step.time + step.hours * _HOUR else None

    def dump(self) -> str:
        """Write it as text."""
        return json.dumps(asdict(self), separators=(",", ":"))


def load_forecast(text: str | None) -> Forecast | None:
    """Read what :meth:`Forecast.dump` wrote; None for anything else."""
    try:
        kept = json.loads(text or "")
        steps = tuple(_kept_step(**step) for step in kept["steps"])
        modified = kept["last_modified"]
        if not isinstance(modified, str) or not modified.isprintable():
            return None
        return Forecast(steps, modified, _finite(kept["fetched"]), _finite(kept["expires"]))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, ProviderError):
        return None


def parse_steps(document: Any, now: float) -> tuple[ForecastStep, ...]:
    """Return the steps of an answer from the one that covers *now* on; ProviderError when there is none for now."""
    series = as_mapping(as_mapping(document).get("properties")).get("timeseries")
    if not isinstance(series, list) or not series:
        raise ProviderError("the answer is no forecast", Failure.MALFORMED)
    steps = sorted((step for each in series if (step := _step(as_mapping(each)))), key=lambda step: step.time)
    coming = [step for step in steps if now < step.time + step.hours * _HOUR]
    if not coming or not (coming[0].time <= now or _about_to_begin(coming, now)):
        raise ProviderError("the answer has no forecast for now", Failure.EMPTY)
    return tuple(coming[:_MOST_STEPS])


def observation_from_step(city: City, provider: str, step: ForecastStep, fetched: float) -> Observation:
    """Return the weather that a step foretells for its time."""
    code, description = parse_symbol(step.symbol)
    details = step.details
    return Observation(
        city=city.id,
        provider=provider,
        observed_at=datetime.fromtimestamp(step.time, UTC),
        fetched_at=datetime.fromtimestamp(fetched, UTC),
        temperature=step.temperature,
        description=description,
        code=code,
        relative_humidity=details.get("relative_humidity"),
        pressure_msl=details.get("air_pressure_at_sea_level"),
        wind_speed=details.get("wind_speed"),
        wind_direction=details.get("wind_from_direction"),
        wind_gust=details.get("wind_speed_of_gust"),
        precipitation=step.precipitation,
        cloud_cover=details.get("cloud_area_fraction"),
    )


def _about_to_begin(steps: Sequence[ForecastStep], now: float) -> ForecastStep | None:
    """Return the first step if it begins in a moment: the service's clock may be ahead of ours."""
    return steps[0] if steps and steps[0].time <= now + _AHEAD else None


def _step(each: dict[str, Any]) -> ForecastStep | None:
    """Read a step; one without time or temperature is left out, for there are many."""
    data = as_mapping(each.get("data"))
    instant = as_mapping(as_mapping(data.get("instant")).get("details"))
    try:
        time, celsius = parse_iso_time(each.get("time")).timestamp(), parse_temperature(instant.get("air_temperature"))
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
        precipitation=parse_number(next_hour.get("precipitation_amount"), *PRECIPITATION),
        details=_details(instant),
    )


def _kept_step(**kept: Any) -> ForecastStep:
    return ForecastStep(
        time=_finite(kept["time"]),
        hours=kept["hours"] if kept["hours"] in _PERIODS.values() else 1,
        temperature=parse_temperature(kept["temperature"]),
        symbol=clean_text(kept["symbol"]),
        precipitation=parse_number(kept["precipitation"], *PRECIPITATION),
        details=_details(as_mapping(kept["details"])),
    )


def _details(values: dict[str, Any]) -> dict[str, float | None]:
    return {name: parse_number(values.get(name), *bounds) for name, bounds in _DETAILS.items()}


def _finite(value: Any) -> float:
    """Return a POSIX time of our days; ValueError for anything else."""
    seconds = parse_number(value, 0.0, 1e10)
    if seconds is None:
        raise ValueError("no time")
    return seconds
