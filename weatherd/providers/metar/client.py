"""METAR: reports of some 5,000 airports of the world, without a key. https://aviationweather.gov/data/api/."""

from __future__ import annotations

import contextlib
import functools
from http import HTTPStatus
from typing import TYPE_CHECKING

from weatherd.errors import Failure, ProviderError
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.providers.batching import Coalescer, CoalescingProvider
from weatherd.providers.kit.client import ServiceClient
from weatherd.providers.kit.errors import ErrorRow, ErrorTable
from weatherd.providers.metar.record import StationReport, parse_metars
from weatherd.providers.metar.stations import AirportDirectory, parse_airports

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.http.response import Response
    from weatherd.observation import Observation
    from weatherd.providers import Resources
    from weatherd.providers.metar.stations import Airport

    Reports = dict[str, StationReport | ProviderError]

METAR_URL = "https://aviationweather.gov"
_STATIONS_PER_REQUEST = 400  # https://aviationweather.gov/data/api/#limits
# Seconds between two requests, for which a city waits, so that others can share its request: the service wants only a
# few requests a minute. The first one is sent at once.
_COLLECT_SECONDS = 15.0
_ERRORS = ErrorTable(
    ("error", "message"),
    (ErrorRow(410, failure=Failure.UNAVAILABLE, hint="the service has changed: look for a newer weatherd"),),
)


def parse_metar_response(response: Response, fetched_at: datetime) -> Reports:
    """Return the latest report of each station in a response. Raises ProviderError for anything but reports."""
    return parse_metars(_find_list(response, fetched_at), fetched_at)


def parse_station_response(response: Response, fetched_at: datetime) -> Sequence[Airport]:
    """Return the stations in a response. Raises ProviderError for anything but stations."""
    return parse_airports(_find_list(response, fetched_at))


def _find_list(response: Response, fetched_at: datetime) -> bytes:
    """Return the body of a response; 204 is an empty list. Raises ProviderError, with the service's own reason."""
    if response.status == HTTPStatus.NO_CONTENT:
        return b"[]"
    if response.status != HTTPStatus.OK:
        raise _ERRORS.explain(response, response.status, fetched_at)
    return response.body


class MetarProvider(CoalescingProvider):
    """A client that requests the stations of many cities together."""

    def __init__(self, base_url: str | None, resources: Resources) -> None:
        self._url, self._resources = base_url or METAR_URL, resources
        self._client = ServiceClient(resources, f"{self._url}/api/data/metar?format=json")
        self._airports = AirportDirectory(self._request_stations, resources.key_values, resources.now)
        limit = functools.partial(resources.limiter.batch_limit, _STATIONS_PER_REQUEST)
        super().__init__(Coalescer(self._send, limit=limit, delay=_COLLECT_SECONDS, concurrency=1))

    async def _send(self, cities: Sequence[City]) -> list[Observation | ProviderError]:
        """Return a report for each city: of its nearest station that has a fresh one, else the latest stale one.

        The stations that reported last are asked first, and the others only if those have no fresh report.
        """
        found = await self._airports.find(cities)
        known = [ids for ids in found if not isinstance(ids, ProviderError)]
        reports = await self._request_reports({ids[0] for ids in known})
        now = self._resources.now()
        further = {name for ids in known if not _is_fresh(reports.get(ids[0]), now) for name in ids[1:]}
        if further := further - reports.keys():
            with contextlib.suppress(ProviderError):  # the limiter knows of it; the first response is good
                reports |= await self._request_reports(further)
        return [
            ids if isinstance(ids, ProviderError) else self._choose(city, ids, reports, now)
            for city, ids in zip(cities, found, strict=True)
        ]

    def _choose(
        self, city: City, stations: Sequence[str], reports: Reports, now: datetime
    ) -> Observation | ProviderError:
        found = [reports[station] for station in stations if station in reports]
        usable = [report for report in found if isinstance(report, StationReport)]
        fresh = next((report for report in usable if _is_fresh(report, now)), None)
        if fresh:
            if fresh.station != stations[0]:
                self._airports.prefer(city, fresh.station)
            return fresh.observe(city, now)
        self._airports.forget(city)
        if usable:
            return max(usable, key=lambda report: report.observed_at).observe(city, now)
        if found and isinstance(found[0], ProviderError):
            return found[0].copy_for()
        return ProviderError(f"there is no current report of {' or '.join(stations)}", Failure.EMPTY)

    async def _request_reports(self, stations: Iterable[str]) -> Reports:
        names = sorted(stations)
        reports: Reports = {}
        for start in range(0, len(names), _STATIONS_PER_REQUEST):
            part = names[start : start + _STATIONS_PER_REQUEST]
            reports |= await self._client.request(parse_metar_response, f"ids={','.join(part)}", calls=len(part))
        return reports

    @functools.cached_property
    def _station_client(self) -> ServiceClient:
        return ServiceClient(self._resources, f"{self._url}/api/data/stationinfo?format=json")

    async def _request_stations(self, box: str) -> Sequence[Airport]:
        return await self._station_client.request(parse_station_response, f"bbox={box}")


def _is_fresh(report: StationReport | ProviderError | None, now: datetime) -> bool:
    if not isinstance(report, StationReport):
        return False
    return (now - report.observed_at).total_seconds() <= BUILT_IN_BUDGETS.of_provider("metar")


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[MetarProvider]:
    """Open the provider with the section ``metar`` of the settings."""
    return contextlib.aclosing(MetarProvider(settings.metar.base_url, resources))
