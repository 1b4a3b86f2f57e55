"""The usual response of Open-Meteo, in the units that are requested, decoded into types. https://open-meteo.com/en/docs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import DecodeError, Meta, Raw, Struct
from msgspec.json import Decoder

from weatherd.observation import Observation
from weatherd.providers.kit.typed_numbers import PRECIPITATION_SLOT, TEMPERATURE_SLOT, TypedNumbers
from weatherd.providers.open_meteo.precipitation import sum_past_hour
from weatherd.providers.open_meteo.record import OPEN_METEO, OPEN_METEO_NUMBERS
from weatherd.providers.typed_values import PosixTime, Precipitation, decode_usual
from weatherd.providers.values import parse_posix_time
from weatherd.wmo import describe_code

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from weatherd.city import City

_CURRENT = TypedNumbers(
    OPEN_METEO_NUMBERS, {"time": PosixTime, "weather_code": (Annotated[int, Meta(ge=0, le=99)] | None, None)}
)


class _Quarters(Struct, frozen=True, gc=False):
    time: list[float] = []
    precipitation: list[Precipitation | None] = []


class _Location(Struct, frozen=True, gc=False):
    current: _CURRENT.type  # type: ignore[name-defined]
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


def parse_usual_locations(cities: Sequence[City], body: bytes, fetched_at: datetime) -> list[Observation] | None:
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
    observations, time, observed_at, convert = [], None, fetched_at, _CURRENT.convert
    for city, location in zip(cities, locations, strict=True):
        current, quarters = location.current, location.minutely_15
        if location.current_units != units or location.minutely_15_units != quarter_units:
            return None
        if current.time != time:  # because all locations usually have the same
            time, observed_at = current.time, parse_posix_time(current.time)
        code = current.weather_code
        values = convert(current, city.id, OPEN_METEO, observed_at, fetched_at, describe_code(code), code, "")
        if values[TEMPERATURE_SLOT] is None:  # an impossible temperature
            return None
        values[PRECIPITATION_SLOT] = sum_past_hour(quarters.time, quarters.precipitation, time)
        observations.append(Observation._make(values))
    return observations


def _decodes(decoder: Decoder[Any], value: Raw) -> bool:
    try:
        decoder.decode(value)
    except DecodeError:
        return False
    return True
