"""The US National Weather Service: stations of the United States. https://weather-gov.github.io/api/."""

from __future__ import annotations

import contextlib
import functools
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from weatherd import __version__
from weatherd.errors import Failure, ProviderError
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.http.polling import PollingClient
from weatherd.http.response import Response, parse_json
from weatherd.providers.nws.past import build_nws_past_query, parse_nws_past
from weatherd.providers.nws.record import parse_nws_record
from weatherd.providers.nws.stations import StationFinder
from weatherd.providers.service_errors import error_from_response
from weatherd.providers.values import as_mapping

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.observation import Observation
    from weatherd.providers import Resources

_T = TypeVar("_T")

NWS_URL = "https://api.weather.gov"

_MAX_STATIONS = 3  # maximum number of stations in one poll
_STATION_FAILURES = (Failure.REJECTED, Failure.MALFORMED, Failure.EMPTY)  # the next station may work


def parse_nws(city: City, response: Response, fetched_at: datetime) -> Observation:
    """Return the observation of a station in *response*.

    Raises ProviderError, with the service's own reason if there is one, for anything but an observation.
    """
    properties = as_mapping(parse_nws_document(response, fetched_at).get("properties"))
    if not properties:
        raise ProviderError("the response has no current weather", Failure.MALFORMED)
    return parse_nws_record(city, properties, fetched_at)


def _parse_past(city: City, response: Response, fetched_at: datetime) -> list[Observation]:
    return parse_nws_past(city, parse_nws_document(response, fetched_at), fetched_at)


def parse_nws_document(response: Response, now: datetime) -> dict[str, Any]:
    """Return the JSON object in *response*, or raise the error that the service reports."""
    if response.status == HTTPStatus.OK:
        return as_mapping(parse_json(response.body))
    error = error_from_response(response, response.status, now, "detail", "title")
    if response.status == HTTPStatus.NOT_FOUND and b"InvalidPoint" in response.body:
        raise ProviderError("the place is outside the area of the National Weather Service", Failure.REJECTED)
    if response.status == HTTPStatus.FORBIDDEN:
        raise error.with_text(f"{error} (set nws.contact: the service requires clients to identify themselves)")
    raise error


class NwsProvider:
    """A client that requests the nearest station with a fresh observation."""

    def __init__(self, base_url: str | None, contact: str | None, resources: Resources) -> None:
        headers = {"Accept": "application/geo+json"}
        if contact:
            headers["User-Agent"] = f"weatherd/{__version__} ({contact})"
        self._client = PollingClient(resources.session, base_url or NWS_URL, headers)
        self._resources = resources
        self._stations = StationFinder(
            lambda path: self._send(path, parse_nws_document), resources.key_values, resources.now
        )

    async def fetch(self, city: City) -> Observation:
        """Return the first fresh observation of up to three stations, the nearest first; else the newest stale one."""
        stations = (await self._stations.find(city))[:_MAX_STATIONS]
        stale: list[Observation] = []
        errors: list[ProviderError] = []
        for station in stations:
            path = f"/stations/{station}/observations/latest"
            observation = await self._send_to_station(path, functools.partial(parse_nws, city))
            if isinstance(observation, ProviderError):
                errors.append(observation)
                continue
            if not BUILT_IN_BUDGETS.is_overdue(observation, self._resources.now().timestamp()):
                self._stations.prefer(city, station)
                return observation
            stale.append(observation)
        self._stations.forget(city)
        if stale:
            return max(stale, key=lambda observation: observation.observed_at)
        raise errors[0] if errors else ProviderError("there is no station near the place", Failure.REJECTED)

    async def fetch_past(self, city: City, since: datetime, until: datetime) -> Sequence[Observation]:
        """Return what the nearest of up to three stations with observations in ``[since, until]`` has reported."""
        query = build_nws_past_query(since, until)
        stations = (await self._stations.find(city))[:_MAX_STATIONS]
        errors: list[ProviderError] = []
        for station in stations:
            path = f"/stations/{station}/observations"
            found = await self._send_to_station(path, functools.partial(_parse_past, city), query)
            if isinstance(found, ProviderError):
                errors.append(found)
            elif found:
                return found
        if errors and len(errors) == len(stations):
            raise errors[0]
        return ()

    async def _send_to_station(
        self, path: str, parse: Callable[[Response, datetime], _T], query: Mapping[str, str] | None = None
    ) -> _T | ProviderError:
        """Return a parsed response, or an error that the next station may not have. Raises those of the service."""
        try:
            return await self._send(path, parse, query)
        except ProviderError as error:
            if error.failure not in _STATION_FAILURES:
                raise
            return error

    def _send(
        self, path: str, parse: Callable[[Response, datetime], _T], query: Mapping[str, str] | None = None
    ) -> Awaitable[_T]:
        async def request() -> _T:
            return parse(await self._client.get(query or "", path=path), self._resources.now())

        return self._resources.limiter.run(request)


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[NwsProvider]:
    """Open the provider with the section ``nws`` of the settings."""
    section = settings.nws
    return contextlib.nullcontext(NwsProvider(section.base_url, section.contact, resources))
