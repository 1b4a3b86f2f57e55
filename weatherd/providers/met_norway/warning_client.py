"""Requests of the warnings of MET Norway: one for all cities, while it has changed."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from weatherd import __version__
from weatherd.errors import ConfigError, Problem
from weatherd.http.client import get
from weatherd.http.response import parse_json
from weatherd.providers.met_norway.client import MET_NORWAY_ERRORS, MET_NORWAY_URL, find_expiry
from weatherd.providers.met_norway.coverage import is_in_norway
from weatherd.providers.met_norway.warnings import parse_met_norway_warnings
from weatherd.providers.warning_areas import ParsedWarnings, Place, match_places
from weatherd.providers.warning_service import WarningAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.http.response import Response
    from weatherd.providers import Resources

_MAX_BYTES = 8 * 2**20
_MIN_INTERVAL, _MAX_INTERVAL = 120.0, 1800.0  # seconds
_NORWEGIAN = ("nb", "nn")


class MetNorwayWarnings:
    """A client that requests all warnings of Norway, and finds the cities in their polygons.

    The service answers any place on Earth with an empty list, so the area that it covers is known here.
    """

    def __init__(self, settings: Settings, resources: Resources) -> None:
        """Raise ConfigError without a contact, as for the forecasts."""
        section = settings.met_norway
        if section.contact is None:
            raise ConfigError(
                Problem("met_norway.contact", "the warnings of met-norway need your e-mail or web address")
            )
        self._url = f"{section.base_url or MET_NORWAY_URL}/weatherapi/metalerts/2.0/current.json"
        self._headers = {"User-Agent": f"weatherd/{__version__} {section.contact}"}
        self._language = "no" if settings.language in _NORWEGIAN else "en"
        self._resources = resources
        self._modified = ""  # Last-Modified of the parsed response
        self._expires = 0.0  # POSIX time
        self._parsed: ParsedWarnings | None = None

    @property
    def interval(self) -> float:
        """The seconds until the last response expires, as the terms of the service demand, within limits."""
        left = self._expires - self._resources.now().timestamp()
        return min(max(left, _MIN_INTERVAL), _MAX_INTERVAL)

    def covers(self, city: City) -> bool:
        """Return whether the city is in Norway or in Svalbard."""
        return is_in_norway(city.lat, city.lon)

    def group(self, cities: Sequence[City]) -> Sequence[Sequence[City]]:
        """Return one group."""
        return [cities] if cities else []

    async def prepare(self, cities: Sequence[City], seconds: float) -> None:
        """Do nothing: each warning has its polygon."""

    async def fetch(self, cities: Sequence[City]) -> Mapping[str, WarningAnswer]:
        """Return the answers about all cities. Raises ProviderError."""
        parsed = await self._resources.limiter.run(self._request)
        matched = match_places(parsed.found, [Place(city.id, city.lat, city.lon) for city in cities])
        return {city: WarningAnswer(warnings, parsed.problems) for city, warnings in matched.items()}

    async def _request(self) -> ParsedWarnings:
        since = {"If-Modified-Since": self._modified} if self._parsed and self._modified else {}
        response = await get(
            self._resources.session, self._url, f"lang={self._language}", self._headers | since, max_bytes=_MAX_BYTES
        )
        return self._parse(response)

    def _parse(self, response: Response) -> ParsedWarnings:
        """Return the warnings in a response; the known ones if it is "304 Not Modified"."""
        self._expires = find_expiry(response, self._resources.now().timestamp(), 0.0)
        if response.status == HTTPStatus.NOT_MODIFIED and self._parsed:
            return self._parsed
        if response.status not in (HTTPStatus.OK, HTTPStatus.NON_AUTHORITATIVE_INFORMATION):  # 203: deprecated version
            raise MET_NORWAY_ERRORS.explain(response, response.status, self._resources.now())
        self._parsed = parse_met_norway_warnings(parse_json(response.body), self._language)
        modified = response.headers.get("Last-Modified", "")
        self._modified = modified if modified.isprintable() and modified.isascii() else ""
        return self._parsed
