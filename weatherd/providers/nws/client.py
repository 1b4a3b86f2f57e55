"""The US National Weather Service: the stations of the United States. https://weather-gov.github.io/api/."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any, TypeVar

from weatherd import __version__
from weatherd.errors import Failure, ProviderError
from weatherd.freshness import is_stale
from weatherd.http.client import get
from weatherd.http.response import Response, parse_json
from weatherd.observation import Observation
from weatherd.providers.nws.conditions import parse_description, parse_weather_code
from weatherd.providers.nws.stations import StationFinder
from weatherd.providers.nws.units import parse_quantity
from weatherd.providers.service_errors import error_from_response
from weatherd.providers.values import (
    APPARENT_TEMPERATURE,
    PRECIPITATION,
    PRESSURE_MSL,
    RELATIVE_HUMIDITY,
    VISIBILITY,
    WIND_DIRECTION,
    WIND_SPEED,
    as_mapping,
    clean_text,
    parse_iso_time,
    parse_temperature,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.providers import Resources

_T = TypeVar("_T")

_NAME = "nws"
_BASE_URL = "https://api.weather.gov"

_MOST_STATIONS = 3  # that are asked in one poll
_OF_A_STATION = (Failure.REJECTED, Failure.MALFORMED, Failure.EMPTY)  # the next one may do better


def parse_nws(city: City, answer: Response, fetched_at: datetime) -> Observation:
    """Return what a station's observation says; ProviderError, with the service's own reason, if that is none.

    Any value may be null, a text, or in another unit than yesterday. ``pressure_msl`` is not the station's pressure,
    and ``apparent_temperature`` the wind chill or the heat index, whichever there is.
    """
    properties = as_mapping(_document(answer, fetched_at).get("properties"))
    if not properties:
        raise ProviderError("the answer has no current weather", Failure.MALFORMED)
    felt = [parse_quantity(properties.get(name), *APPARENT_TEMPERATURE) for name in ("windChill", "heatIndex")]
    sight = parse_quantity(properties.get("visibility"), *VISIBILITY)
    return Observation(
        city=city.id,
        provider=_NAME,
        observed_at=parse_iso_time(properties.get("timestamp")),
        fetched_at=fetched_at,
        temperature=parse_temperature(parse_quantity(properties.get("temperature"), -1000, 1000)),
        description=parse_description(properties),
        code=parse_weather_code(properties, sight),
        station=_station(properties),
        apparent_temperature=next((value for value in felt if value is not None), None),
        relative_humidity=parse_quantity(properties.get("relativeHumidity"), *RELATIVE_HUMIDITY),
        pressure_msl=parse_quantity(properties.get("seaLevelPressure"), *PRESSURE_MSL),
        wind_speed=parse_quantity(properties.get("windSpeed"), *WIND_SPEED),
        wind_direction=parse_quantity(properties.get("windDirection"), *WIND_DIRECTION),
        wind_gust=parse_quantity(properties.get("windGust"), *WIND_SPEED),
        precipitation=parse_quantity(properties.get("precipitationLastHour"), *PRECIPITATION, length="mm"),
        visibility=sight,
    )


def _station(properties: dict[str, Any]) -> str:
    """Return the id: the last part of the station's address, where it is not told by itself."""
    told = clean_text(properties.get("stationId")) or clean_text(properties.get("stationIdentifier"))
    return told or clean_text(properties.get("station")).rstrip("/").rpartition("/")[2]


def _document(answer: Response, now: datetime) -> dict[str, Any]:
    if answer.status == 200:  # noqa: PLR2004
        return as_mapping(parse_json(answer.body))
    error = error_from_response(answer, answer.status, _told(answer), now)
    if answer.status == 404 and b"InvalidPoint" in answer.body:  # noqa: PLR2004
        raise ProviderError("the place is outside the area of the National Weather Service", Failure.REJECTED)
    if answer.status == 403:  # noqa: PLR2004
        text = f"{error} (set nws.contact: the service wants to know who asks)"
        raise ProviderError(text, error.failure, retry_after=error.retry_after)
    raise error


def _told(answer: Response) -> str:
    """Return under which name a problem says what is wrong; either may be missing, see RFC 9457."""
    with contextlib.suppress(ProviderError):
        problem = as_mapping(parse_json(answer.body))
        return next((name for name in ("detail", "title") if clean_text(problem.get(name))), "detail")
    return "detail"


class NwsProvider:
    """Asks the nearest station that has something fresh."""

    def __init__(self, base_url: str, contact: str | None, resources: Resources) -> None:
        agent = {"User-Agent": f"weatherd/{__version__} ({contact})"} if contact else {}
        self._headers = {"Accept": "application/geo+json"} | agent
        self._base_url = base_url
        self._resources = resources
        self._stations = StationFinder(self._ask, resources.key_values, resources.now)

    async def fetch(self, city: City) -> Observation:
        """Return the newest observation of the nearest stations, a fresh one of a nearer before a newer one."""
        stations = (await self._stations.near(city))[:_MOST_STATIONS]
        found: list[Observation] = []
        errors: list[ProviderError] = []
        for station in stations:
            try:
                observation = await self._observe(city, station)
            except ProviderError as error:
                if error.failure not in _OF_A_STATION:
                    raise
                errors.append(error)
            else:
                found.append(observation)
                if not is_stale(observation, self._resources.now().timestamp()):
                    self._stations.prefer(city, station)
                    return observation
        self._stations.forget(city)
        if found:
            return max(found, key=lambda each: each.observed_at)
        raise errors[0] if errors else ProviderError("there is no station near", Failure.REJECTED)

    async def _observe(self, city: City, station: str) -> Observation:
        return await self._get(f"/stations/{station}/observations/latest", functools.partial(parse_nws, city))

    async def _ask(self, path: str) -> dict[str, Any]:
        return await self._get(path, _document)

    def _get(self, path: str, understand: Callable[[Response, datetime], _T]) -> Awaitable[_T]:
        async def ask() -> _T:
            answer = await get(self._resources.session, f"{self._base_url}{path}", {}, self._headers)
            return understand(answer, self._resources.now())

        return self._resources.limiter.run(ask)


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[NwsProvider]:
    """Open the provider as the block ``nws`` says."""
    block = settings.nws
    return contextlib.nullcontext(NwsProvider(block.base_url or _BASE_URL, block.contact, resources))
