"""Client for the HTTP API of a running daemon."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, Self, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ValidationError

from weatherd.city import make_slug
from weatherd.errors import Failure, ProviderError, WeatherdError
from weatherd.http.client import get, post, stream_lines
from weatherd.http.response import StatusError
from weatherd.http.session import open_session
from weatherd.text.name_folding import fold_name
from weatherd.text.suggestions import did_you_mean, explain_namesakes
from weatherd.web.alerts.models import AlertsPage, SilenceModel, SilencesModel
from weatherd.web.comparison.models import ComparisonModel
from weatherd.web.days.models import DaysModel
from weatherd.web.page.models import ChartModel
from weatherd.web.schemas import (
    STREAM_UNAVAILABLE,
    CitiesPage,
    CityDetail,
    HealthModel,
    NumberedObservation,
    ProblemModel,
    StatusModel,
)
from weatherd.web.warnings.models import WarningsPage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import date
    from pathlib import Path

    from weatherd.http.response import Response
    from weatherd.http.session import Session
    from weatherd.journal.comparison.city import ComparedField
    from weatherd.web.alerts.models import AlertModel
    from weatherd.web.schemas import CityModel
    from weatherd.web.warnings.models import WarningModel

_T = TypeVar("_T", bound=BaseModel)
_Page = TypeVar("_Page", CitiesPage, AlertsPage, WarningsPage)
_Entry = TypeVar("_Entry", bound=BaseModel)

_PAGE_SIZE = 1000  # entries per response, the maximum that the daemon allows
_AGENT = "weatherd-client"


class ClientError(WeatherdError):
    """The daemon cannot be reached or sent an unexpected response. The text names its address and the reason."""


class UnreachableError(ClientError):
    """The daemon cannot be reached, perhaps because it is not running."""


class CityNotFoundError(WeatherdError):
    """The daemon's list has no city with that name or id, or several; the text suggests a similar one, or an id."""


class Client:
    """Client for the HTTP API of a running weatherd daemon. Use it with ``async with``.

    *url* is the daemon's address; *token* is its ``http.token``, if it has one; *deadline* is the time limit for each
    response, in seconds; *ca_file* holds CA certificates (PEM) that are trusted beside the system's.

    The results are immutable. Units: temperatures in °C, pressure in hPa, wind in m/s, humidity and cloud cover in %,
    precipitation in mm, visibility in m, durations in s; times are RFC 3339 strings in UTC; None means that the weather
    service did not report the value.

    Every method raises ClientError if the daemon cannot be reached or sends an unexpected response.

    Example::

        async with Client("http://127.0.0.1:8080") as client:
            kiel = await client.get_city("Kiel")
            print(kiel.state, kiel.observation)
            async for observation in client.stream_observations(kiel.id):
                print(observation.observed_at, observation.temperature)
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        token: str | None = None,
        deadline: float = 5.0,
        ca_file: Path | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._deadline = deadline
        self._ca_file = ca_file
        self._stack = contextlib.AsyncExitStack()
        self._session: Session | None = None

    async def __aenter__(self) -> Self:
        self._session = await self._stack.enter_async_context(open_session(_AGENT, ca_file=self._ca_file))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._session = None
        await self._stack.aclose()

    def at(self, url: str) -> Client:
        """Return a client for another node of the cluster, with the same token."""
        client = Client(url, deadline=self._deadline, ca_file=self._ca_file)
        client._headers = self._headers
        return client

    async def get_health(self) -> HealthModel:
        """Return whether the daemon is healthy (``ok``), and the reasons if it is not (``faults``).

        An unavailable weather service does not make the daemon unhealthy.
        """
        return await self._get(HealthModel, "/-/healthy", HTTPStatus.SERVICE_UNAVAILABLE)

    async def get_status(self) -> StatusModel:
        """Return the state of the daemon: counts of cities and observations, quotas, pauses, forwarders."""
        return await self._get(StatusModel, "/api/v1/status")

    async def get_city(self, name: str) -> CityDetail:
        """Return the details of the city with this id, or else of the city with this name, ignoring case.

        A name without its accents finds the city whose id is made of it: ``sao tome``.

        The details are its state, last poll and next poll. Raises CityNotFoundError if no city in the list matches, or
        if several have the name.
        """
        with contextlib.suppress(CityNotFoundError):  # the id first, because another city's name may equal it
            return await self.get_city_by_id(name)
        matches = (await self._get(CitiesPage, f"/api/v1/cities?{urlencode({'name': name})}")).cities
        named = [city.id for city in matches if fold_name(city.name) == fold_name(name)]
        if len(named) > 1:
            raise CityNotFoundError(explain_namesakes(name, named))
        slug = make_slug(name)
        for city_id in [city.id for city in matches[:1]] or ([slug] if slug != fold_name(name) else []):
            with contextlib.suppress(CityNotFoundError):  # there is none, or it was removed between the two requests
                return await self.get_city_by_id(city_id)
        # Suggestions come from the first page only, because a list may have hundreds of thousands of cities
        page = await self._get(CitiesPage, f"/api/v1/cities?{urlencode({'limit': _PAGE_SIZE})}")
        known = [known for city in page.cities for known in (city.id, city.name)]
        guess = did_you_mean(name, known) or did_you_mean(make_slug(name), known)
        raise CityNotFoundError(f"no city is named {name!r}{guess}")

    async def get_city_by_id(self, city_id: str) -> CityDetail:
        """Return the details of the city with this id. Raises CityNotFoundError if no city in the list has it."""
        try:
            return await self._get(CityDetail, f"/api/v1/cities/{quote(city_id, safe='')}")
        except _NotFoundError:
            raise CityNotFoundError(f"no city has the id {city_id!r}") from None

    async def get_chart(self, city_id: str, span: Literal["24h", "7d", "90d", "1y"] = "24h") -> ChartModel:
        """Return the history of the city with this id: single observations of 24 hours, hours of 7 days, or days."""
        return await self._get(ChartModel, f"/api/v1/cities/{quote(city_id, safe='')}/chart?span={span}")

    async def get_days(
        self,
        city_id: str,
        by: Literal["day", "week", "month", "year"] = "day",
        *,
        since: date | None = None,
        until: date | None = None,
    ) -> DaysModel:
        """Return the days, weeks, months or years of the city with this id, and the records of its last day.

        *since* is a date in the first part, by default 30 days ago (12 weeks, a year of months, all years); *until* is
        the date after the last one.
        """
        dates = {name: day.isoformat() for name, day in (("since", since), ("until", until)) if day}
        query = urlencode({"by": by, **dates})
        return await self._get(DaysModel, f"/api/v1/cities/{quote(city_id, safe='')}/days?{query}")

    async def get_comparison(
        self, city_id: str, field: ComparedField = "temperature", days: int = 30
    ) -> ComparisonModel:
        """Return how the services of the city with this id agreed in the last *days*, the best one first."""
        query = urlencode({"field": field, "days": days})
        return await self._get(ComparisonModel, f"/api/v1/cities/{quote(city_id, safe='')}/comparison?{query}")

    async def count_cities(self, tags: Mapping[str, str], state: str) -> int:
        """Return the number of cities that have all of these tags and are in this state."""
        wanted = {"limit": "1", "sort": "state", "state": state} | _tag_parameter(tags)
        return (await self._get(CitiesPage, f"/api/v1/cities?{urlencode(wanted)}")).total or 0

    def list_cities(
        self,
        tags: Mapping[str, str] | None = None,
        *,
        state: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CityModel]:
        """Yield every city of the list with its latest observation, ordered by id, or by *sort*, such as ``state``.

        With *tags* only those with all of them, with *state* only those in this state, and at most *limit* cities.
        Fetches 1000 cities per request.
        """
        wanted = {key: value for key, value in (("state", state), ("sort", sort)) if value} | _tag_parameter(tags)
        return self._list_entries(CitiesPage, "/api/v1/cities", lambda page: page.cities, wanted, limit)

    def list_alerts(self) -> AsyncIterator[AlertModel]:
        """Yield every alert that is pending or firing, ordered by city id; of a city, the firing ones first.

        Those about the daemon itself come before those of cities.
        """
        return self._list_entries(AlertsPage, "/api/v1/alerts", lambda page: page.alerts, {})

    def list_warnings(self, city_id: str | None = None) -> AsyncIterator[WarningModel]:
        """Yield every official warning in force, ordered by city id; of a city, the most severe first.

        With *city_id* only those of that city; none if the list has no city with this id.
        """
        wanted = {} if city_id is None else {"city": city_id}
        return self._list_entries(WarningsPage, "/api/v1/warnings", lambda page: page.warnings, wanted)

    async def list_silences(self) -> list[SilenceModel]:
        """Return the silences of alerts that are in force."""
        return (await self._get(SilencesModel, "/api/v1/silences")).silences

    async def add_silence(
        self,
        until: str,
        rule: str | None = None,
        city_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        comment: str = "",
    ) -> SilenceModel:
        """Silence the alerts of a rule, a city, cities with all of the tags, or what has all of these.

        *until* is an RFC 3339 time. The daemon needs a token for this.
        """
        parts = {"until": until, "rule": rule, "city": city_id, "comment": comment or None}
        query = {key: value for key, value in parts.items() if value is not None} | _tag_parameter(tags)
        return await self._post(SilenceModel, f"/api/v1/silences?{urlencode(query)}")

    async def end_silence(self, number: int) -> list[SilenceModel]:
        """End a silence; return those that are left. The daemon needs a token for this."""
        return (await self._post(SilencesModel, f"/api/v1/silences/{number}/end")).silences

    async def stream_observations(
        self, city_id: str | None = None, tags: Mapping[str, str] | None = None
    ) -> AsyncIterator[NumberedObservation]:
        """Yield new observations of one city, or of all cities, as the daemon stores them, until the daemon stops.

        With *tags*, only those of the cities that have all of them now. Raises CityNotFoundError if neither the list
        nor the journal has a city with this id.
        """
        query = ({} if city_id is None else {"city": city_id}) | _tag_parameter(tags)
        path = "/api/v1/stream" + (f"?{urlencode(query)}" if query else "")
        is_open = False
        try:
            async for line in stream_lines(self._require_session(), self.url + path, self._headers):
                is_open = True
                if line.startswith(STREAM_UNAVAILABLE):
                    raise ClientError(f"{self.url}: {line.removeprefix(STREAM_UNAVAILABLE)}")
                if line.startswith("data: "):
                    yield self._parse(NumberedObservation, line.removeprefix("data: "))
        except StatusError as error:
            if city_id is not None and error.response.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
                await self.get_city_by_id(city_id)  # raises CityNotFoundError, also for a text that is not an id
            raise self._explain_status(error.response) from None
        except ProviderError as error:
            raise ClientError(f"{self.url}: {error}") if is_open else self._explain_failure(error) from None

    async def _list_entries(
        self,
        model: type[_Page],
        path: str,
        find_entries: Callable[[_Page], list[_Entry]],
        wanted: Mapping[str, str],
        limit: int | None = None,
    ) -> AsyncIterator[_Entry]:
        """Yield the entries of all pages of a list, at most *limit*."""
        after: dict[str, str] = {}
        while limit is None or limit > 0:
            size = _PAGE_SIZE if limit is None else min(limit, _PAGE_SIZE)
            page = await self._get(model, f"{path}?{urlencode({'limit': size, **wanted, **after})}")
            entries = find_entries(page)
            for entry in entries:
                yield entry
            if page.next is None:
                return
            limit = None if limit is None else limit - len(entries)
            after = {"after": page.next}

    async def _get(self, model: type[_T], path: str, *accepted: int) -> _T:
        try:
            response = await get(self._require_session(), self.url + path, {}, self._headers, deadline=self._deadline)
        except ProviderError as error:
            raise self._explain_failure(error) from None
        if response.status in (HTTPStatus.OK, *accepted):
            return self._parse(model, response.body)
        raise self._explain_status(response)

    async def _post(self, model: type[_T], path: str) -> _T:
        try:
            response = await post(self._require_session(), self.url + path, b"", self._headers, deadline=self._deadline)
        except ProviderError as error:
            raise self._explain_failure(error) from None
        if response.status in (HTTPStatus.OK, HTTPStatus.CREATED):
            return self._parse(model, response.body)
        raise self._explain_status(response)

    def _explain_status(self, response: Response) -> ClientError:
        reason = f"status {response.status}"
        with contextlib.suppress(ValidationError):
            reason = ProblemModel.model_validate_json(response.body).detail
        if response.status == HTTPStatus.UNAUTHORIZED:
            fault = "rejected the token in" if self._headers else "needs a token, which is missing in"
            reason = f"the daemon {fault} your settings ('http.token' or $WEATHERD_HTTP__TOKEN): {reason}"
        return (_NotFoundError if response.status == HTTPStatus.NOT_FOUND else ClientError)(f"{self.url}: {reason}")

    def _explain_failure(self, error: ProviderError) -> ClientError:
        if error.failure is Failure.MALFORMED:  # a response arrived, so that the daemon's start would not help
            return ClientError(f"{self.url}: {error}")
        return UnreachableError(f"no response from {self.url}: {error}")

    def _parse(self, model: type[_T], body: bytes | str) -> _T:
        try:
            return model.model_validate_json(body, extra="ignore")  # because a newer daemon may send more fields
        except ValidationError:
            raise ClientError(f"{self.url}: the response is not from weatherd; check the address") from None

    def _require_session(self) -> Session:
        if self._session is None:
            raise RuntimeError("a Client must be used inside 'async with'")
        return self._session


def _tag_parameter(tags: Mapping[str, str] | None) -> dict[str, str]:
    return {"tag": ",".join(f"{key}={value}" for key, value in tags.items())} if tags else {}


class _NotFoundError(ClientError):
    """The daemon responded with status 404."""
