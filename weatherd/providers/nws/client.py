"""The US National Weather Service: stations of the United States. https://weather-gov.github.io/api/."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any, TypeVar

from weatherd import __version__
from weatherd.errors import Failure, ProviderError
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.providers.kit.client import ServiceClient
from weatherd.providers.kit.errors import ErrorRow, ErrorTable
from weatherd.providers.nws.past import build_nws_past_query, parse_nws_past
from weatherd.providers.nws.record import parse_nws_record
from weatherd.providers.nws.stations import StationFinder
from weatherd.providers.values import as_mapping

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.http.response import Response
    from weatherd.observation import Observation
    from weatherd.providers import Resources

_T = TypeVar("_T")

NWS_URL = "https://api.weather.gov"

_MAX_STATIONS = 3  # maximum number of stations in one poll
_STATION_FAILURES = (Failure.REJECTED, Failure.MALFORMED, Failure.EMPTY)  # the next station may work
_OUTSIDE = "the place is outside the area of the National Weather Service"
_ERRORS = ErrorTable(
    ("detail", "title"),
    (
        ErrorRow(404, body_words=b"InvalidPoint", failure=Failure.REJECTED, text=_OUTSIDE),
        ErrorRow(403, hint="set nws.contact: the service requires clients to identify themselves"),
    ),
)


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
    return as_mapping(_ERRORS.parse_json(response, now))


class NwsProvider:
    """A client that requests the nearest station with a fresh observation."""

    def __init__(self, base_url: str | None, contact: str | None, resources: Resources) -> None:
        agent = {"User-Agent": f"weatherd/{__version__} ({contact})"} if contact else {}
        self._client = ServiceClient(resources, base_url or NWS_URL, {"Accept": "application/geo+json"} | agent)
        self._stations = StationFinder(
            lambda path: self._client.request(parse_nws_document, path=path), resources.key_values, resources.now
        )

    async def fetch(self, city: City) -> Observation:
        """Return the first fresh observation of up to three stations, the nearest first; else the newest stale one."""
        stale: list[Observation] = []
        errors: list[ProviderError] = []
        async with contextlib.aclosing(self._ask(city, "latest", functools.partial(parse_nws, city))) as answers:
            async for station, found in answers:
                if isinstance(found, ProviderError):
                    errors.append(found)
                elif BUILT_IN_BUDGETS.is_overdue(found, self._client.now().timestamp()):
                    stale.append(found)
                else:
                    self._stations.prefer(city, station)
                    return found
        self._stations.forget(city)
        if stale:
            return max(stale, key=lambda observation: observation.observed_at)
        raise errors[0] if errors else ProviderError("there is no station near the place", Failure.REJECTED)

    async def fetch_past(self, city: City, since: datetime, until: datetime) -> Sequence[Observation]:
        """Return what the nearest of up to three stations with observations in ``[since, until]`` has reported."""
        answers: list[Sequence[Observation] | ProviderError] = []
        parse, query = functools.partial(_parse_past, city), build_nws_past_query(since, until)
        async with contextlib.aclosing(self._ask(city, "", parse, query)) as found:
            async for _, answer in found:
                if answer and not isinstance(answer, ProviderError):
                    return answer
                answers.append(answer)
        errors = [answer for answer in answers if isinstance(answer, ProviderError)]
        if errors and len(errors) == len(answers):
            raise errors[0]
        return ()

    async def _ask(
        self, city: City, name: str, parse: Callable[[Response, datetime], _T], query: Mapping[str, str] | str = ""
    ) -> AsyncGenerator[tuple[str, _T | ProviderError]]:
        """Yield what up to three stations answer, or an error that the next one may not have. Raises the others."""
        for station in (await self._stations.find(city))[:_MAX_STATIONS]:
            path = f"/stations/{station}/observations/{name}".rstrip("/")
            try:
                answer: _T | ProviderError = await self._client.request(parse, query, path=path)
            except ProviderError as error:
                if error.failure not in _STATION_FAILURES:
                    raise
                answer = error
            yield station, answer


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[NwsProvider]:
    """Open the provider with the section ``nws`` of the settings."""
    section = settings.nws
    return contextlib.nullcontext(NwsProvider(section.base_url, section.contact, resources))
