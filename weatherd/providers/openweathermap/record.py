"""The current weather of one place in a response of OpenWeatherMap. https://openweathermap.org/current#fields_json."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct, field
from msgspec.json import Decoder

from weatherd.errors import Failure, ProviderError
from weatherd.observation import Observation
from weatherd.providers.kit.numbers import KELVIN, Number, NumberTable
from weatherd.providers.kit.typed_numbers import PRECIPITATION_SLOT, TEMPERATURE_SLOT, TypedNumbers
from weatherd.providers.openweathermap.codes import describe_condition
from weatherd.providers.typed_values import PosixTime, Precipitation, decode_usual
from weatherd.providers.values import (
    PRECIPITATION,
    as_mapping,
    parse_integer,
    parse_number,
    parse_posix_time,
    sum_amounts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from weatherd.city import City

_NAME = "openweathermap"
_KELVIN_RANGE = (150.0, math.inf)  # no place on Earth is hotter in °C, or colder in K
_UNITS = {"K": KELVIN}
_IN_KELVIN = {"main.temp": "K"}
_NUMBERS = NumberTable(
    Number("temperature", "main.temp", _UNITS),
    Number("apparent_temperature", "main.feels_like", _UNITS, "main.temp"),
    Number("relative_humidity", "main.humidity"),
    Number("pressure_msl", "main.sea_level"),
    Number("pressure_msl", "main.pressure"),
    Number("wind_speed", "wind.speed"),
    Number("wind_direction", "wind.deg"),
    Number("wind_gust", "wind.gust"),
    Number("cloud_cover", "clouds.all"),
    Number("visibility", "visibility"),
)


class _Amount(Struct, frozen=True, gc=False):
    hour: Precipitation | None = field(name="1h", default=None)


class _Condition(Struct, frozen=True, gc=False):
    id: int = 0
    main: str = ""
    description: str = ""


_TYPED = TypedNumbers(
    _NUMBERS,
    {
        "dt": PosixTime,
        "weather": Annotated[list[_Condition], Meta(min_length=1)],
        "rain": (_Amount | None, None),  # the service leaves both out when it is dry
        "snow": (_Amount | None, None),
        "cod": (Literal[200], 200),
    },
)
_DECODER = Decoder(_TYPED.type)


def parse_usual_weather(city: City, body: bytes, fetched_at: datetime) -> Observation | None:
    """Return the current weather in a response of the usual form, in metric units; None for any other response."""
    found = decode_usual(_DECODER, body)
    if found is None:
        return None
    condition, observed_at = found.weather[0], parse_posix_time(found.dt)
    code, description = describe_condition(condition.id, condition.description, condition.main)
    values = _TYPED.convert(found, city.id, _NAME, observed_at, fetched_at, description, code, "")
    if values[TEMPERATURE_SLOT] is None:  # perhaps it is in kelvin
        return None
    rain, snow = found.rain.hour if found.rain else 0.0, found.snow.hour if found.snow else 0.0
    values[PRECIPITATION_SLOT] = sum_amounts(rain, snow)
    return Observation._make(values)


def parse_openweathermap_record(city: City, document: Mapping[str, Any], fetched_at: datetime) -> Observation:
    """Return the current weather in any document; a value that is missing, impossible or of another type is None.

    A temperature in kelvin, the service's default, is recognized by its size. Raises ProviderError if it has no time,
    no temperature, or is no weather of one place.
    """
    main = as_mapping(document.get("main"))
    if not main:
        raise ProviderError("the response is not the current weather of one place", Failure.MALFORMED)
    observed_at = parse_posix_time(document.get("dt"))
    numbers = _NUMBERS.parse(document, _IN_KELVIN if parse_number(main.get("temp"), _KELVIN_RANGE) else {})
    numbers["precipitation"] = _sum_last_hour(document.get("rain"), document.get("snow"))
    weather = document.get("weather")
    first = as_mapping(weather[0]) if isinstance(weather, list) and weather else {}
    code, text = describe_condition(parse_integer(first.get("id")) or 0, first.get("description"), first.get("main"))
    return Observation(city.id, _NAME, observed_at, fetched_at, description=text, code=code, **numbers)


def _sum_last_hour(rain: Any, snow: Any) -> float | None:
    """Return the sum in mm, or None if one of them is not known for one hour; None means that none of it falls."""
    amounts = (
        0.0 if fall is None else parse_number(as_mapping(fall).get("1h"), PRECIPITATION) for fall in (rain, snow)
    )
    return sum_amounts(*amounts)
