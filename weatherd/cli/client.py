"""A client for the HTTP API of a running daemon."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from weatherd.city import make_slug
from weatherd.errors import ProviderError, WeatherdError, did_you_mean
from weatherd.http.client import get, stream_lines
from weatherd.http.session import open_session
from weatherd.web.schemas import CitiesPage, CityDetail, HealthModel, NumberedObservation, ProblemModel, StatusModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from weatherd.http.session import Session
    from weatherd.web.schemas import CityModel

_T = TypeVar("_T", bound=BaseModel)

_PAGE = 1000  # cities in a response, the most that the daemon allows
_AGENT = "weatherd-client"


class ClientError(WeatherdError):
    """The daemon cannot be reached, or gave an unexpected response. The text names its address and what to do."""


class CityNotFoundError(WeatherdError):
    """The daemon's list has no city of that name or id. The text suggests a similar one."""


class Client:
    """A client for the HTTP API of a running weatherd daemon, to be used with ``async with``.

    *url* is the daemon's address; *token* is its ``http.token``, if it has one; *deadline* is the time limit for each
    response, in seconds. The results are immutable. Units: temperatures in °C, pressure in hPa, wind in m/s, humidity
    and cloud cover in %, precipitation in mm, visibility in m, durations in s; times are RFC 3339 texts in UTC; None is
    a value that the weather service did not report.

    Every method raises ClientError when the daemon cannot be reached or gives an unexpected response.

    Example::

        async with Client("http://127.0.0.1:8080") as client:
            kiel = await client.get_city("Kiel")
            print(kiel.state, kiel.observation)
            async for observation in client.stream_observations(kiel.id):
                print(observation.observed_at, observation.temperature)
    """

    def __init__(self, url: str = "http://127.0.0.1:8080", *, token: str | None = None, deadline: float = 5.0) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._deadline = deadline
        self._stack = contextlib.AsyncExitStack()
        self._session: Session | None = None

    async def __aenter__(self) -> Self:
        self._session = await self._stack.enter_async_context(open_session(_AGENT))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def get_health(self) -> HealthModel:
        """Return whether the daemon is healthy, and what is not: ``ok`` and ``faults``.

        An unavailable weather service does not make the daemon unhealthy.
        """
        return await self._get(HealthModel, "/-/healthy", HTTPStatus.SERVICE_UNAVAILABLE)

    async def get_status(self) -> StatusModel:
        """Return the state of the daemon: counts of cities and observations, quotas, pauses, forwarders."""
        return await self._get(StatusModel, "/api/v1/status")

    async def get_city(self, name: str) -> CityDetail:
        """Return everything about one city, given its name or id: its state, its last poll and its next one.

        Raises CityNotFoundError when no city of the list has that name or id.
        """
        matches = (await self._get(CitiesPage, f"/api/v1/cities?{urlencode({'name': name})}")).cities
        if matches:
            with contextlib.suppress(_NotFoundError):  # the city has been removed since
                return await self._get(CityDetail, f"/api/v1/cities/{matches[0].id}")
        # Suggest from one page only, because a list may have hundreds of thousands of cities
        page = await self._get(CitiesPage, f"/api/v1/cities?{urlencode({'limit': _PAGE})}")
        known = [known for city in page.cities for known in (city.id, city.name)]
        guess = did_you_mean(name, known) or did_you_mean(make_slug(name), known)
        raise CityNotFoundError(f"no city is named {name!r}{guess}")

    async def list_cities(self) -> AsyncIterator[CityModel]:
        """Yield every city of the list with its latest observation, ordered by id. Fetches 1000 at a time."""
        after: dict[str, str] = {}
        while True:
            page = await self._get(CitiesPage, f"/api/v1/cities?{urlencode({'limit': _PAGE, **after})}")
            for city in page.cities:
                yield city
            if page.next is None:
                return
            after = {"after": page.next}

    async def stream_observations(self, city_id: str | None = None) -> AsyncIterator[NumberedObservation]:
        """Yield new observations of one city, or of all, as the daemon stores them; end when the daemon stops."""
        path = "/api/v1/stream" + (f"?{urlencode({'city': city_id})}" if city_id else "")
        try:
            async for line in stream_lines(self._require_session(), self.url + path, self._headers):
                if line.startswith("data: "):
                    yield self._parse(NumberedObservation, line.removeprefix("data: "))
        except ProviderError as error:
            raise self._unreachable(error) from None

    async def _get(self, model: type[_T], path: str, *accepted: int) -> _T:
        try:
            response = await get(self._require_session(), self.url + path, {}, self._headers, deadline=self._deadline)
        except ProviderError as error:
            raise self._unreachable(error) from None
        if response.status in (HTTPStatus.OK, *accepted):
            return self._parse(model, response.body)
        reason = f"status {response.status}"
        with contextlib.suppress(ValidationError):
            reason = ProblemModel.model_validate_json(response.body).detail
        raise (_NotFoundError if response.status == HTTPStatus.NOT_FOUND else ClientError)(f"{self.url}: {reason}")

    def _parse(self, model: type[_T], body: bytes | str) -> _T:
        try:
            return model.model_validate_json(body, extra="ignore")  # because a newer daemon may send more fields
        except ValidationError:
            raise ClientError(f"{self.url}: the response is not one of weatherd's; is this its address?") from None

    def _require_session(self) -> Session:
        if self._session is None:
            raise RuntimeError("a Client is used inside 'async with'")
        return self._session

    def _unreachable(self, reason: object) -> ClientError:
        advice = "is weatherd running? Start it with weatherd run, or name its address with --url"
        return ClientError(f"no response from {self.url}: {reason}; {advice}")


class _NotFoundError(ClientError):
    """The daemon responded with status 404."""
