"""Requests of the warnings of Pirate Weather: a forecast of each city without the weather."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from weatherd.errors import ConfigError, Problem
from weatherd.http.client import get
from weatherd.http.response import parse_json
from weatherd.providers.pirate_weather.warnings import parse_pirate_weather_warnings
from weatherd.providers.service_errors import error_from_response, redact_error
from weatherd.providers.warning_service import WarningAnswer
from weatherd.text.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.providers import Resources

_URL = "https://api.pirateweather.net"
_QUERY = "exclude=currently,minutely,hourly,daily&version=2"


class PirateWeatherWarnings:
    """A client that requests each city separately."""

    interval = 900.0  # the service permits to keep an answer for so long

    def __init__(self, settings: Settings, resources: Resources) -> None:
        """Raise ConfigError without a key."""
        section = settings.pirate_weather
        if section.api_key is None:
            raise ConfigError(Problem("pirate_weather.api_key", "the warnings of pirate-weather need an API key"))
        key = section.api_key.get_secret_value()
        self._url = f"{section.base_url or _URL}/forecast/{key}"
        self._redact = Redaction([key])
        self._resources = resources

    def covers(self, city: City) -> bool:  # noqa: ARG002 - the whole world
        """Return true: nobody lists the places."""
        return True

    def group(self, cities: Sequence[City]) -> Sequence[Sequence[City]]:
        """Return groups of one city."""
        return [[city] for city in cities]

    async def prepare(self, cities: Sequence[City], seconds: float) -> None:
        """Do nothing: a request needs only coordinates."""

    async def fetch(self, cities: Sequence[City]) -> Mapping[str, WarningAnswer]:
        """Return the answer about the only city of a group. Raises ProviderError."""
        [city] = cities
        return {city.id: await self._resources.limiter.run(lambda: self._request(city))}

    async def _request(self, city: City) -> WarningAnswer:
        place = f"{round(city.lat, 4) + 0.0:.4f},{round(city.lon, 4) + 0.0:.4f}"
        response = await get(self._resources.session, f"{self._url}/{place}", _QUERY)
        if response.status != HTTPStatus.OK:
            error = error_from_response(response, response.status, self._resources.now(), "detail", "message")
            raise redact_error(error, self._redact)
        parsed = parse_pirate_weather_warnings(parse_json(response.body))
        return WarningAnswer(parsed.warnings, parsed.problems)
