"""The usual response of Open-Meteo, in the units that are requested, decoded into types. https://open-meteo.com/en/docs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import DecodeError, Meta, Raw, Struct
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
from weatherd.providers.values import ROUNDED, parse_posix_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from weatherd.city import City


class _Quarters(Struct, frozen=True, gc=False):
    time: list[float] = []
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
    current_units: Raw
    minutely_15: _Quarters = _Quarters()
    minutely_15_units: Raw = Raw(b"{}")
    error: None = None


class _Units(Struct, frozen=True, gc=False):
    temperature_2m: Literal["°C"] = "°C"
    wind_speed_10m: Literal["m/s"] = "m/s"


class _QuarterUnits(Struct, frozen=True, gc=False):
    precipitation: Literal["mm"] = "mm"


_DECODER = Decoder(list[_Location] | _Location)
_UNITS = Decoder(_Units)
_QUARTER_UNITS = Decoder(_QuarterUnits)


def parse_usual_locations(
    cities: Sequence[City], body: bytes, provider: str, fetched_at: datetime
) -> list[Observation] | None:
    """Return the observations of *cities* in a response of the usual form; None for any other response."""
    found = decode_usual(_DECODER, body)
    if found is None:
        return None
    locations = found if isinstance(found, list) else [found]
    if len(locations) != len(cities):
        return None
    units, quarter_units = locations[0].current_units, locations[0].minutely_15_units
    if not (_decodes(_UNITS, units) and _decodes(_QUARTER_UNITS, quarter_units)):
        return None
    observations, time, observed_at = [], None, fetched_at
    for city, location in zip(cities, locations, strict=True):
        current, quarters = location.current, location.minutely_15
        if location.current_units != units or location.minutely_15_units != quarter_units:
            return None
        if current.time != time:  # because all locations usually have the same
            time, observed_at = current.time, parse_posix_time(current.time)
        observations.append(
            Observation(
                city.id,
                provider,
                observed_at,
                fetched_at,
                ROUNDED[current.temperature_2m],
                wmo.describe_code(current.weather_code),
                current.weather_code,
                "",  # station
                ROUNDED[current.apparent_temperature],
                ROUNDED[current.relative_humidity_2m],
                ROUNDED[current.pressure_msl],
                ROUNDED[current.wind_speed_10m],
                ROUNDED[current.wind_direction_10m],
                ROUNDED[current.wind_gusts_10m],
                sum_past_hour(quarters.time, quarters.precipitation, current.time),
                ROUNDED[current.cloud_cover],
            )
        )
    return observations


def _decodes(decoder: Decoder[Any], value: Raw) -> bool:
    try:
        decoder.decode(value)
    except DecodeError:
        return False
    return True
