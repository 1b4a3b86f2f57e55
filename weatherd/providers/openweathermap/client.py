"""OpenWeatherMap's current weather, for the whole world, with a key. https://openweathermap.org/current."""

from __future__ import annotations

import contextlib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weatherd import wmo
from weatherd.errors import ConfigError, Failure, Problem, ProviderError
from weatherd.http.client import get
from weatherd.http.response import Response, parse_json
from weatherd.observation import Observation
from weatherd.providers.openweathermap.codes import WMO_CODES
from weatherd.providers.service_errors import error_from_response, redact_error, redact_response
from weatherd.providers.values import (
    APPARENT_TEMPERATURE,
    CLOUD_COVER,
    PRECIPITATION,
    PRESSURE_MSL,
    RELATIVE_HUMIDITY,
    VISIBILITY,
    WIND_DIRECTION,
    WIND_SPEED,
    NumberField,
    as_mapping,
    clean_text,
    parse_integer,
    parse_number,
    parse_numbers,
    parse_posix_time,
    parse_temperature,
)
from weatherd.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from pydantic import SecretStr

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.providers import Resources

_NAME = "openweathermap"
_BASE_URL = "https://api.openweathermap.org"

_KELVIN_FROM = 150.0  # no place is hotter than this in °C, or colder in K
_KELVIN, _CELSIUS = (1.0, -273.15), (1.0, 0.0)  # factor and offset
_MAIN = (
    NumberField("humidity", *RELATIVE_HUMIDITY),
    NumberField("sea_level", *PRESSURE_MSL),
    NumberField("pressure", *PRESSURE_MSL),
)
_WIND = NumberField("speed", *WIND_SPEED), NumberField("deg", *WIND_DIRECTION), NumberField("gust", *WIND_SPEED)


def build_openweathermap_query(city: City, language: str) -> dict[str, str]:
    """Return the parameters that ask for the current weather of *city*, but for the key."""
    return {"lat": f"{city.lat:.5f}", "lon": f"{city.lon:.5f}", "units": "metric", "lang": language}


def parse_openweathermap(city: City, answer: Response, fetched_at: datetime) -> Observation:
    """Return what *answer* says; ProviderError, with the service's own reason, if that is not current weather.

    Temperatures in kelvin, the service's default, are told from °C by their size. The first of several conditions is
    the primary one. ``precipitation`` is the last hour's rain and snow; the older sum of three hours is left out.
    """
    if answer.status != 200:  # noqa: PLR2004
        raise _refusal(answer, answer.status, fetched_at)
    document = as_mapping(parse_json(answer.body))
    if (cod := _cod(document)) != 200:  # noqa: PLR2004
        raise _refusal(answer, cod, fetched_at)
    main = as_mapping(document.get("main"))
    if not main:
        raise ProviderError("the answer is not current weather of one place", Failure.MALFORMED)
    degrees = _KELVIN if parse_number(main.get("temp"), _KELVIN_FROM, math.inf) else _CELSIUS
    humidity, sea_level, pressure = parse_numbers(main, _MAIN)
    speed, direction, gust = parse_numbers(as_mapping(document.get("wind")), _WIND)
    code, description = _condition(document.get("weather"))
    return Observation(
        city=city.id,
        provider=_NAME,
        observed_at=parse_posix_time(document.get("dt")),
        fetched_at=fetched_at,
        temperature=parse_temperature(main.get("temp"), *degrees),
        description=description,
        code=code,
        apparent_temperature=parse_number(main.get("feels_like"), *APPARENT_TEMPERATURE, *degrees),
        relative_humidity=humidity,
        pressure_msl=sea_level or pressure,
        wind_speed=speed,
        wind_direction=direction,
        wind_gust=gust,
        precipitation=_last_hour(document.get("rain"), document.get("snow")),
        cloud_cover=parse_number(as_mapping(document.get("clouds")).get("all"), *CLOUD_COVER),
        visibility=parse_number(document.get("visibility"), *VISIBILITY),
    )


def _refusal(answer: Response, status: int, now: datetime) -> ProviderError:
    error = error_from_response(answer, status, "message", now)
    if status == 401:  # noqa: PLR2004
        text = f"{error} (check openweathermap.api_key; a new key takes up to two hours to work)"
        return ProviderError(text, error.failure, retry_after=error.retry_after)
    return error


def _cod(document: dict[str, Any]) -> int:
    """Return the status that the body repeats, as a number or as text; 200 where it does not."""
    cod = document.get("cod")
    if cod in (200, None):
        return 200
    code = int(cod) if isinstance(cod, str) and re.fullmatch("[0-9]{3}", cod) else parse_integer(cod)
    if code is None or not 100 <= code < 600:  # noqa: PLR2004
        raise ProviderError("the answer holds a 'cod' that is no status", Failure.MALFORMED)
    return code


def _condition(weather: Any) -> tuple[int | None, str]:
    first = as_mapping(weather[0]) if isinstance(weather, list) and weather else {}
    code = WMO_CODES.get(parse_integer(first.get("id")) or 0)
    description = clean_text(first.get("description")) or clean_text(first.get("main")).lower()
    return code, description or ("unknown" if code is None else wmo.describe_code(code))


def _last_hour(*falls: Any) -> float | None:
    amounts = [parse_number(fall.get("1h"), *PRECIPITATION) for fall in falls if isinstance(fall, dict)]
    known = [amount for amount in amounts if amount is not None]
    return round(sum(known), 9) if known else None


@dataclass(frozen=True, slots=True)
class OpenWeatherMapProvider:
    """Asks for one city a request."""

    url: str
    key: SecretStr
    language: str
    redact: Redaction
    resources: Resources

    def fetch(self, city: City) -> Coroutine[Any, Any, Observation]:
        """Return the service's analysis for the city's coordinates."""
        return self.resources.limiter.run(lambda: self._ask(city))

    async def _ask(self, city: City) -> Observation:
        parameters = build_openweathermap_query(city, self.language) | {"appid": self.key.get_secret_value()}
        try:
            answer = await get(self.resources.session, self.url, parameters)
            return parse_openweathermap(city, redact_response(answer, self.redact), self.resources.now())
        except ProviderError as error:
            raise redact_error(error, self.redact) from None


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[OpenWeatherMapProvider]:
    """Open the provider as the block ``openweathermap`` says. Raises ConfigError without a key."""
    block = settings.openweathermap
    if block.api_key is None:
        raise ConfigError(
            Problem(
                "openweathermap.api_key",
                "openweathermap needs a key: set OPEN_WEATHER_API_KEY, or use a secret file",
            )
        )
    url = f"{block.base_url or _BASE_URL}/data/2.5/weather"
    redact = Redaction([block.api_key.get_secret_value()])
    return contextlib.nullcontext(OpenWeatherMapProvider(url, block.api_key, block.language, redact, resources))
