"""MET Norway: the current step of its forecast, for the whole world. https://api.met.no/doc/TermsOfService."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog

from weatherd import __version__
from weatherd.errors import ConfigError, Failure, Problem, ProviderError
from weatherd.http.response import Response, parse_http_date, parse_json, server_time
from weatherd.providers.kit.client import ServiceClient
from weatherd.providers.kit.errors import ErrorRow, ErrorTable
from weatherd.providers.met_norway.forecast import (
    Forecast,
    begins_at,
    load_forecast,
    observation_from_step,
    parse_steps,
)

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.observation import Observation
    from weatherd.providers import Resources

log = structlog.get_logger()

_NAME = "met-norway"
MET_NORWAY_URL = "https://api.met.no"
FORECAST_PATH = "/weatherapi/locationforecast/2.0/complete"  # because ``compact`` never has gusts

_DEFAULT_LIFETIME = 1800.0  # seconds, of a response without ``Expires``
_MIN_LIFETIME, _MAX_LIFETIME = 600.0, 86400.0
_BAN_SECONDS = 86400.0  # without requests after a 403, because clients that keep sending requests are banned for good
_KEPT_FOR = timedelta(days=2)
_MAX_CLOCK_ERROR = 600.0  # seconds; with a larger one of ours, the service's clock selects the step
_DEPRECATED = 203  # with a valid forecast: this version of the API will be switched off
_THROTTLED = 499  # the service's own status for clients that it slows down
_IDENTIFY = "check met_norway.contact: it has to identify you; clients that keep sending requests are banned"
MET_NORWAY_ERRORS = ErrorTable(
    (),  # they are plain text, or a proxy's HTML page
    (
        ErrorRow(_THROTTLED, failure=Failure.UNAVAILABLE),
        *(ErrorRow(status, hint=_IDENTIFY, min_pause=_BAN_SECONDS) for status in (401, 402, 403, 407)),
    ),
)


def build_met_norway_query(city: City) -> dict[str, str]:
    """Return the parameters for *city*, with four decimals: the service rejects more."""
    return {name: f"{degrees + 0.0:.4f}" for name, degrees in (("lat", city.lat), ("lon", city.lon))}


def parse_met_norway(response: Response, known: Forecast | None, now: float) -> Forecast:
    """Return the forecast in *response*, or a renewed copy of *known* if it is "304 Not Modified".

    *now* is a POSIX time. Raises ProviderError, with the service's own reason if there is one, for anything else.
    """
    lifetime = find_expiry(response, now, _DEFAULT_LIFETIME) - now
    expires = now + min(max(lifetime, _MIN_LIFETIME), _MAX_LIFETIME)
    if response.status == HTTPStatus.NOT_MODIFIED and known:
        return replace(known, fetched=now, expires=expires)
    if response.status not in (HTTPStatus.OK, _DEPRECATED):
        raise MET_NORWAY_ERRORS.explain(response, response.status, datetime.fromtimestamp(now, UTC))
    steps = parse_steps(parse_json(response.body), now, known.steps if known else ())
    modified = response.headers.get("Last-Modified", "")
    return Forecast(steps, modified if modified.isprintable() else "", now, expires)


def find_expiry(response: Response, now: float, default: float) -> float:
    """Return the POSIX time at which *response* expires, by our own clock.

    It is *default* seconds after *now* if the response does not have it.

    Its lifetime is ``Expires`` - ``Date`` - ``Age`` (RFC 9111 section 4.2), so an error of the service's clock cancels
    out. For example, 12:30 - 12:00 - 60 s are 29 minutes from now, whatever the time is here.
    """
    expires = parse_http_date(response.headers.get("Expires", ""))
    there = server_time(response.headers, datetime.fromtimestamp(now, UTC))
    return now + ((expires - there).total_seconds() if expires else default)


def measure_clock_error(response: Response, now: datetime, before: float) -> float:
    """Return the seconds by which the service's clock is ahead of *now*; 0.0 for less than ten minutes.

    Our clock is wrong only if a second witness agrees with the service's: a forecast begins with the current hour.
    Otherwise the forecast of another hour would be recorded as the present weather. *before* is the error so far, which
    remains if a response has no forecast.
    """
    there = server_time(response.headers, now)
    error = (there - now).total_seconds()
    if abs(error) <= _MAX_CLOCK_ERROR:
        return 0.0
    if response.status not in (HTTPStatus.OK, _DEPRECATED):
        return before
    return error if begins_at(parse_json(response.body), there.timestamp()) else 0.0


class MetNorwayProvider:
    """A client that requests a forecast for a place, and serves all polls from it until it expires.

    Cities whose coordinates are equal to four decimals share a forecast. A stored forecast survives a restart.
    """

    def __init__(self, base_url: str | None, contact: str, resources: Resources) -> None:
        headers = {"User-Agent": f"weatherd/{__version__} {contact}"}
        self._client = ServiceClient(resources, f"{base_url or MET_NORWAY_URL}{FORECAST_PATH}", headers)
        self._resources = resources
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by coordinates
        self._has_warned = False
        self._clock_error = 0.0  # seconds by which the service's clock is ahead of ours, if ours is wrong

    async def fetch(self, city: City) -> Observation:
        """Return the step of the forecast for the current hour; ``observed_at`` is the beginning of that hour.

        ``precipitation`` is the forecast for the hour before. It is None at the first poll of a place, because a
        response begins with the current hour.
        """
        query = build_met_norway_query(city)
        coordinates = ",".join(query.values())
        async with self._locks[coordinates]:
            forecast = await self._load_or_request(coordinates, query)
        step = forecast.step_at(self._time())
        if step is None:
            raise ProviderError("the forecast has no step for the current time", Failure.EMPTY)
        return observation_from_step(city, _NAME, step, forecast)

    async def _load_or_request(self, coordinates: str, query: dict[str, str]) -> Forecast:
        known = load_forecast(self._resources.key_values.get(coordinates))
        if known and known.fetched <= self._time() < known.expires:
            return known
        forecast = await self._request(query, known)
        self._resources.key_values.put(coordinates, forecast.dump(), self._resources.now() + _KEPT_FOR)
        return forecast

    async def _request(self, query: dict[str, str], known: Forecast | None) -> Forecast:
        usable = known if known and known.step_at(self._time()) else None
        headers = {"If-Modified-Since": usable.last_modified} if usable and usable.last_modified else {}

        def parse(response: Response, now: datetime) -> Forecast:
            if response.status == _DEPRECATED and not self._has_warned:
                self._has_warned = True
                # In an empty context, because the task of the city that sent the request has bound ``city``
                contextvars.Context().run(
                    log.warning, "provider.deprecated", provider=_NAME, action="look for a newer weatherd"
                )
            self._clock_error = measure_clock_error(response, now, self._clock_error)
            return parse_met_norway(response, usable, self._time())

        return await self._client.request(parse, query, headers)

    def _time(self) -> float:
        return self._resources.now().timestamp() + self._clock_error


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[MetNorwayProvider]:
    """Open the provider with the section ``met_norway`` of the settings. Raises ConfigError without a contact."""
    section = settings.met_norway
    if section.contact is None:
        message = (
            "met-norway needs your e-mail or web address: the service rejects clients that do not identify themselves"
        )
        raise ConfigError(Problem("met_norway.contact", message))
    return contextlib.nullcontext(MetNorwayProvider(section.base_url, section.contact, resources))
