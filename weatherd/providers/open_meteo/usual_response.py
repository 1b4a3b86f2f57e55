"""The usual response of Open-Meteo, in the units that are requested, decoded into types. https://open-meteo.com/en/docs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct
from msgspec.json import Decoder

from weatherd import wmo
from weatherd.observation import Observation
from weatherd.providers.open_meteo.precipitation import sum_past_hour
from weatherd.providers.typed_values import (
    ApparentTemperature,
    CloudCover,
    PosixTime,
    Precipitation,
    PressureMsl,
    RelativeHumidity,
    Temperature,
    WindDirection,
    WindSpeed,
    decode_usual,
)
from weatherd.providers.values import parse_posix_time, round_number, round_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from weatherd.city import City


class _Units(Struct, frozen=True, gc=False):
    temperature_2m: Literal["°C"] = "°C"
    wind_speed_10m: Literal["m/s"] = "m/s"


class _QuarterUnits(Struct, frozen=True, gc=False):
    precipitation: Literal["mm"] = "mm"


class _Quarters(Struct, frozen=True, gc=False):
    time: list[PosixTime] = []
    precipitation: list[Precipitation | None] = []


class _Current(Struct, frozen=True, gc=False):
    time: PosixTime
    temperature_2m: Temperature
    apparent_temperature: ApparentTemperature | None = None
    relative_humidity_2m: RelativeHumidity | None = None
    pressure_msl: PressureMsl | None = None
    wind_speed_10m: WindSpeed | None = None
    wind_direction_10m: WindDirection | None = None
    wind_gusts_10m: WindSpeed | None = None
    cloud_cover: CloudCover | None = None
    weather_code: Annotated[int, Meta(ge=0, le=99)] | None = None


class _Location(Struct, frozen=True, gc=False):
    current: _Current
    current_units: _Units
    minutely_15: _Quarters = _Quarters()
    minutely_15_units: _QuarterUnits = _QuarterUnits()
    error: None = None


_DECODER = Decoder(list[_Location] | _Location)


def parse_usual_locations(
    cities: Sequence[City], body: bytes, provider: str, fetched_at: datetime
) -> list[Observation] | None:
    """Return the observations of *cities* in a response of the usual form; None for any other response."""
    found = decode_usual(_DECODER, body)
    locations = found if isinstance(found, list) else [found]
    if found is None or len(locations) != len(cities):
        return None
    return [
        _to_observation(city, location, provider, fetched_at) for city, location in zip(cities, locations, strict=True)
    ]


def _to_observation(city: City, location: _Location, provider: str, fetched_at: datetime) -> Observation:
    current, quarters = location.current, location.minutely_15
    code = current.weather_code
    return Observation(
        city.id,
        provider,
        parse_posix_time(current.time),
        fetched_at,
        round_number(current.temperature_2m),
        "unknown" if code is None else wmo.describe_code(code),
        code,
        "",
        *round_numbers(
            current.apparent_temperature,
            current.relative_humidity_2m,
            current.pressure_msl,
            current.wind_speed_10m,
            current.wind_direction_10m,
            current.wind_gusts_10m,
            sum_past_hour(quarters.time, quarters.precipitation, current.time),
            current.cloud_cover,
        ),
    )
