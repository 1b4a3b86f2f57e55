"""Bright Sky: the stations of the Deutscher Wetterdienst, for Germany and its borders. https://brightsky.dev/docs/."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weatherd.errors import Failure, ProviderError
from weatherd.http.client import get
from weatherd.http.response import Response, parse_json
from weatherd.observation import Observation
from weatherd.providers.bounds import COVER, DIRECTION, FALL, HUMIDITY, PRESSURE, SIGHT, WIND
from weatherd.providers.bright_sky.conditions import sky
from weatherd.providers.service_errors import refusal
from weatherd.providers.values import iso_moment, mapping, number, temperature, whole, words

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.providers import Resources

NAME = "bright-sky"
URL = "https://api.brightsky.dev"

_KILOMETERS_PER_HOUR = 1 / 3.6


def query(city: City) -> dict[str, str]:
    """Return the parameters that ask for the current weather of *city*, in the DWD's units."""
    return {"lat": f"{city.lat:.5f}", "lon": f"{city.lon:.5f}", "units": "dwd"}


def parse(city: City, answer: Response, fetched_at: datetime) -> Observation:
    """Return what *answer* says; ProviderError, with the service's own reason, if that is not current weather.

    Any value may be null. Of the wind, the mean of the shortest time that is known is taken. ``precipitation`` is the
    last hour's.
    """
    if answer.status != 200:  # noqa: PLR2004
        raise _refusal(answer, fetched_at)
    weather = mapping(mapping(parse_json(answer.body)).get("weather"))
    if not weather:
        raise ProviderError("the answer has no current weather", Failure.MALFORMED)
    fall = number(weather.get("precipitation_60"), *FALL)
    cover = number(weather.get("cloud_cover"), *COVER)
    code, description = sky(words(weather.get("condition")), words(weather.get("icon")), cover, fall)
    source = whole(weather.get("source_id"))
    return Observation(
        city=city.id,
        provider=NAME,
        observed_at=iso_moment(weather.get("timestamp")),
        fetched_at=fetched_at,
        temperature=temperature(weather.get("temperature")),
        description=description,
        code=code,
        station="" if source is None else str(source),
        relative_humidity=number(weather.get("relative_humidity"), *HUMIDITY),
        pressure_msl=number(weather.get("pressure_msl"), *PRESSURE),
        wind_speed=number(_shortest(weather, "wind_speed"), *WIND, _KILOMETERS_PER_HOUR),
        wind_direction=number(_shortest(weather, "wind_direction"), *DIRECTION),
        wind_gust=number(_shortest(weather, "wind_gust_speed"), *WIND, _KILOMETERS_PER_HOUR),
        precipitation=fall,
        cloud_cover=cover,
        visibility=number(weather.get("visibility"), *SIGHT),
    )


def _shortest(weather: dict[str, Any], name: str) -> Any:
    """Return a quantity of the last 10 minutes, else of the last 30, else of the last 60."""
    values = (weather.get(f"{name}_{minutes}") for minutes in (10, 30, 60))
    return next((value for value in values if value is not None), None)


def _refusal(answer: Response, now: datetime) -> ProviderError:
    """Read ``detail``: a text, or for a wrong question a list of them."""
    detail: Any = None
    with contextlib.suppress(ProviderError):
        detail = mapping(parse_json(answer.body)).get("detail")
    error = refusal(answer, answer.status, "detail", now)
    if isinstance(detail, list) and detail and (reason := words(mapping(detail[0]).get("msg"))):
        return ProviderError(f"{answer.status}: {reason}", error.failure, retry_after=error.retry_after)
    return error


@dataclass(frozen=True, slots=True)
class BrightSky:
    """Asks for one city a request."""

    url: str
    resources: Resources

    async def fetch(self, city: City) -> Observation:
        """Return the newest report of the nearest station."""
        return await self.resources.gate.run(lambda: self._ask(city))

    async def _ask(self, city: City) -> Observation:
        answer = await get(self.resources.session, self.url, query(city))
        return parse(city, answer, self.resources.now())


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[BrightSky]:
    """Open the provider as the block ``bright_sky`` says."""
    return contextlib.nullcontext(BrightSky(f"{settings.bright_sky.base_url or URL}/current_weather", resources))
