"""OpenWeatherMap's current weather, for the whole world, with a key. https://openweathermap.org/current."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weatherd import wmo
from weatherd.errors import ConfigError, Failure, Problem, ProviderError
from weatherd.http import Answer, failure_of, get, parse_json, retry_after
from weatherd.observation import Observation
from weatherd.providers.values import mapping, moment, number, temperature, whole, words

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from pydantic import SecretStr

    from weatherd.cities import City
    from weatherd.http import Session
    from weatherd.settings import Settings

NAME = "openweathermap"
URL = "https://api.openweathermap.org"

# https://openweathermap.org/weather-conditions, as WMO 4677 says it.
_CODES = {
    **dict.fromkeys((200, 201, 202, 210, 211, 212, 221, 230, 231, 232), 95),
    **dict.fromkeys((300, 310), 51),
    **dict.fromkeys((301, 311, 321), 53),
    **dict.fromkeys((302, 312), 55),
    500: 61,
    501: 63,
    **dict.fromkeys((502, 503, 504), 65),
    511: 66,
    **dict.fromkeys((313, 520), 80),
    **dict.fromkeys((521, 531), 81),
    **dict.fromkeys((314, 522), 82),
    600: 71,
    601: 73,
    602: 75,
    **dict.fromkeys((611, 615), 68),
    616: 69,
    612: 83,
    613: 84,
    620: 85,
    **dict.fromkeys((621, 622), 86),
    701: 10,
    **dict.fromkeys((711, 762), 4),
    721: 5,
    731: 8,
    741: 45,
    751: 7,
    761: 6,
    771: 18,
    781: 19,
    800: 0,
    801: 1,
    802: 2,
    **dict.fromkeys((803, 804), 3),
}
_KELVIN_FROM = 150.0  # no place is hotter than this in °C, or colder in K
_ZERO_CELSIUS = -273.15


def query(city: City, language: str) -> dict[str, str]:
    """Return the parameters that ask for the current weather of *city*, but for the key."""
    return {"lat": f"{city.lat:.6g}", "lon": f"{city.lon:.7g}", "units": "metric", "lang": language}


def parse(city: City, answer: Answer, fetched_at: datetime) -> Observation:
    """Return what *answer* says; ProviderError, with the service's own reason, if that is not current weather.

    Temperatures in kelvin, the service's default, are told from °C by their size. The first of several conditions is
    the primary one. ``precipitation`` is the last hour's rain and snow; the older sum of three hours is left out.
    """
    if answer.status != 200:  # noqa: PLR2004
        raise _refusal(answer.status, answer, fetched_at)
    document = mapping(parse_json(answer.body))
    if (cod := _cod(document)) != 200:  # noqa: PLR2004
        raise _refusal(cod, answer, fetched_at)
    main, wind, clouds = (mapping(document.get(name)) for name in ("main", "wind", "clouds"))
    if not main:
        raise ProviderError("the answer is not current weather of one place", Failure.MALFORMED)
    kelvin = isinstance(main.get("temp"), int | float) and main["temp"] > _KELVIN_FROM
    degrees = (1.0, _ZERO_CELSIUS if kelvin else 0.0)
    code, description = _condition(document.get("weather"))
    return Observation(
        city=city.id,
        provider=NAME,
        observed_at=moment(document.get("dt")),
        fetched_at=fetched_at,
        temperature=temperature(main.get("temp"), *degrees),
        description=description,
        code=code,
        apparent_temperature=number(main.get("feels_like"), -120, 90, *degrees),
        relative_humidity=number(main.get("humidity"), 0, 110),
        pressure_msl=number(main.get("sea_level", main.get("pressure")), 800, 1150),
        wind_speed=number(wind.get("speed"), 0, 150),
        wind_direction=number(wind.get("deg"), 0, 360),
        wind_gust=number(wind.get("gust"), 0, 150),
        precipitation=_last_hour(document),
        cloud_cover=number(clouds.get("all"), 0, 100),
        visibility=number(document.get("visibility"), 0, 1e6),
    )


def _cod(document: dict[str, Any]) -> int:
    """Return the status that the body repeats, as a number or as text; 200 where it does not."""
    cod = document.get("cod", 200)
    code = int(cod) if isinstance(cod, str) and re.fullmatch("[0-9]{3}", cod) else whole(cod)
    return 500 if code is None else code


def _refusal(code: int, answer: Answer, now: datetime) -> ProviderError:
    """Say in the service's own words why there is no weather; the body may also be a proxy's page."""
    message = ""
    with contextlib.suppress(ProviderError):
        message = words(mapping(parse_json(answer.body)).get("message"))
    text = f"{code}: {message}" if message else f"the service answers with status {code}"
    return ProviderError(text, failure_of(code), retry_after=retry_after(answer.headers, now))


def _condition(weather: Any) -> tuple[int | None, str]:
    first = mapping(weather[0]) if isinstance(weather, list) and weather else {}
    code = _CODES.get(whole(first.get("id")) or 0)
    description = words(first.get("description")) or words(first.get("main")).lower()
    return code, description or ("unknown" if code is None else wmo.describe(code))


def _last_hour(document: dict[str, Any]) -> float | None:
    amounts = [number(mapping(document.get(kind)).get("1h"), 0, 1000) for kind in ("rain", "snow")]
    known = [amount for amount in amounts if amount is not None]
    return round(sum(known), 9) if known else None


@dataclass(frozen=True, slots=True)
class OpenWeatherMap:
    """Asks for one city a request."""

    session: Session
    url: str
    key: SecretStr
    language: str
    gate: asyncio.Semaphore
    now: Callable[[], datetime]

    async def fetch(self, city: City) -> Observation:
        """Return the service's analysis for the city's coordinates."""
        parameters = query(city, self.language) | {"appid": self.key.get_secret_value()}
        async with self.gate:
            answer = await get(self.session, self.url, parameters)
        return parse(city, answer, self.now())


def open_provider(
    settings: Settings, session: Session, now: Callable[[], datetime]
) -> AbstractAsyncContextManager[OpenWeatherMap]:
    """Open the provider as the block ``openweathermap`` says. Raises ConfigError without a key."""
    block = settings.openweathermap
    if block.api_key is None:
        raise ConfigError(
            Problem(
                "openweathermap.api_key",
                "openweathermap needs a key: set OPEN_WEATHER_API_KEY, or use a secret file",
            )
        )
    url = f"{block.base_url or URL}/data/2.5/weather"
    gate = asyncio.Semaphore(block.concurrency)
    return contextlib.nullcontext(OpenWeatherMap(session, url, block.api_key, block.language, gate, now))
