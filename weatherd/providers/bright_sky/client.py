"""Bright Sky: the stations of the Deutscher Wetterdienst, for Germany and its borders. https://brightsky.dev/docs/."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weatherd.errors import Failure, ProviderError
from weatherd.http.client import get
from weatherd.http.response import Response, parse_json
from weatherd.observation import Observation
from weatherd.providers.bright_sky.conditions import parse_condition
from weatherd.providers.service_errors import error_from_response
from weatherd.providers.values import (
    CLOUD_COVER,
    PRECIPITATION,
    PRESSURE_MSL,
    RELATIVE_HUMIDITY,
    VISIBILITY,
    WIND_DIRECTION,
    WIND_SPEED,
    as_mapping,
    clean_text,
    parse_integer,
    parse_iso_time,
    parse_number,
    parse_temperature,
)

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.providers import Resources

_NAME = "bright-sky"
_BASE_URL = "https://api.brightsky.dev"

_KILOMETERS_PER_HOUR = 1 / 3.6


def build_bright_sky_query(city: City) -> dict[str, str]:
    """Return the parameters that ask for the current weather of *city*, in the DWD's units."""
    return {"lat": f"{city.lat:.5f}", "lon": f"{city.lon:.5f}", "units": "dwd"}


def parse_bright_sky(city: City, answer: Response, fetched_at: datetime) -> Observation:
    """Return what *answer* says; ProviderError, with the service's own reason, if that is not current weather.

    Any value may be null. Of the wind, the mean of the shortest time that is known is taken. ``precipitation`` is the
    last hour's.
    """
    if answer.status != 200:  # noqa: PLR2004
        raise _refusal(answer, fetched_at)
    weather = as_mapping(as_mapping(parse_json(answer.body)).get("weather"))
    if not weather:
        raise ProviderError("the answer has no current weather", Failure.MALFORMED)
    fall = parse_number(weather.get("precipitation_60"), *PRECIPITATION)
    cover = parse_number(weather.get("cloud_cover"), *CLOUD_COVER)
    code, description = parse_condition(
        clean_text(weather.get("condition")), clean_text(weather.get("icon")), cover, fall
    )
    source = parse_integer(weather.get("source_id"))
    return Observation(
        city=city.id,
        provider=_NAME,
        observed_at=parse_iso_time(weather.get("timestamp")),
        fetched_at=fetched_at,
        temperature=parse_temperature(weather.get("temperature")),
        description=description,
        code=code,
        station="" if source is None else str(source),
        relative_humidity=parse_number(weather.get("relative_humidity"), *RELATIVE_HUMIDITY),
        pressure_msl=parse_number(weather.get("pressure_msl"), *PRESSURE_MSL),
        wind_speed=parse_number(_shortest(weather, "wind_speed"), *WIND_SPEED, _KILOMETERS_PER_HOUR),
        wind_direction=parse_number(_shortest(weather, "wind_direction"), *WIND_DIRECTION),
        wind_gust=parse_number(_shortest(weather, "wind_gust_speed"), *WIND_SPEED, _KILOMETERS_PER_HOUR),
        precipitation=fall,
        cloud_cover=cover,
        visibility=parse_number(weather.get("visibility"), *VISIBILITY),
    )


def _shortest(weather: dict[str, Any], name: str) -> Any:
    """Return a quantity of the last 10 minutes, else of the last 30, else of the last 60."""
    values = (weather.get(f"{name}_{minutes}") for minutes in (10, 30, 60))
    return next((value for value in values if value is not None), None)


def _refusal(answer: Response, now: datetime) -> ProviderError:
    """Read ``detail``: a text, or for a wrong question a list of them."""
    detail: Any = None
    with contextlib.suppress(ProviderError):
        detail = as_mapping(parse_json(answer.body)).get("detail")
    error = error_from_response(answer, answer.status, "detail", now)
    if isinstance(detail, list) and detail and (reason := clean_text(as_mapping(detail[0]).get("msg"))):
        return ProviderError(f"{answer.status}: {reason}", error.failure, retry_after=error.retry_after)
    return error


@dataclass(frozen=True, slots=True)
class BrightSkyProvider:
    """Asks for one city a request."""

    url: str
    resources: Resources

    async def fetch(self, city: City) -> Observation:
        """Return the newest report of the nearest station."""
        return await self.resources.limiter.run(lambda: self._ask(city))

    async def _ask(self, city: City) -> Observation:
        answer = await get(self.resources.session, self.url, build_bright_sky_query(city))
        return parse_bright_sky(city, answer, self.resources.now())


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[BrightSkyProvider]:
    """Open the provider as the block ``bright_sky`` says."""
    return contextlib.nullcontext(
        BrightSkyProvider(f"{settings.bright_sky.base_url or _BASE_URL}/current_weather", resources)
    )
