"""The usual response of OpenWeatherMap, decoded into types. https://openweathermap.org/current#fields_json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.json import Decoder

from weatherd.observation import Observation
from weatherd.providers.openweathermap.codes import describe_condition
from weatherd.providers.typed_values import (
    ApparentTemperature,
    CloudCover,
    PosixTime,
    Precipitation,
    PressureMsl,
    RelativeHumidity,
    Temperature,
    Visibility,
    WindDirection,
    WindSpeed,
    decode_usual,
)
from weatherd.providers.values import ROUNDED, parse_posix_time, sum_amounts

if TYPE_CHECKING:
    from datetime import datetime

    from weatherd.city import City


class _Main(Struct, frozen=True, gc=False):
    temp: Temperature
    feels_like: ApparentTemperature | None = None
    humidity: RelativeHumidity | None = None
    sea_level: PressureMsl | None = None
    pressure: PressureMsl | None = None


class _Wind(Struct, frozen=True, gc=False):
    speed: WindSpeed | None = None
    deg: WindDirection | None = None
    gust: WindSpeed | None = None


class _Amount(Struct, frozen=True, gc=False):
    hour: Precipitation | None = field(name="1h", default=None)


class _Clouds(Struct, frozen=True, gc=False):
    all: CloudCover | None = None


class _Condition(Struct, frozen=True, gc=False):
    id: int = 0
    main: str = ""
    description: str = ""


class _CurrentWeather(Struct, frozen=True, gc=False):
    dt: PosixTime
    main: _Main
    weather: Annotated[list[_Condition], Meta(min_length=1)]
    visibility: Visibility | None = None
    wind: _Wind = _Wind()
    rain: _Amount | None = None  # the service leaves both out when it is dry
    snow: _Amount | None = None
    clouds: _Clouds = _Clouds()
    cod: Literal[200] = 200


_DECODER = Decoder(_CurrentWeather)


def parse_usual_weather(city: City, body: bytes, provider: str, fetched_at: datetime) -> Observation | None:
    """Return the current weather in a response of the usual form, in metric units; None for any other response."""
    found = decode_usual(_DECODER, body)
    if found is None:
        return None
    main, wind = found.main, found.wind
    rain, snow = found.rain.hour if found.rain else 0.0, found.snow.hour if found.snow else 0.0
    condition = found.weather[0]
    code, description = describe_condition(condition.id, condition.description, condition.main)
    return Observation(  # without names, which would take three times as long
        city.id,
        provider,
        parse_posix_time(found.dt),
        fetched_at,
        ROUNDED[main.temp],
        description,
        code,
        "",  # station
        ROUNDED[main.feels_like],
        ROUNDED[main.humidity],
        ROUNDED[main.sea_level or main.pressure],
        ROUNDED[wind.speed],
        ROUNDED[wind.deg],
        ROUNDED[wind.gust],
        sum_amounts(rain, snow),
        ROUNDED[found.clouds.all],
        ROUNDED[found.visibility],
    )
