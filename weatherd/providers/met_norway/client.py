"""MET Norway's forecast for the whole world; the step of now. https://api.met.no/doc/TermsOfService."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from weatherd import __version__
from weatherd.errors import ConfigError, Failure, Problem, ProviderError
from weatherd.http.client import get
from weatherd.http.response import Response, failure_of, parse_json, retry_after
from weatherd.providers.met_norway.forecast import Forecast, load_forecast, observation_from_step, parse_steps
from weatherd.providers.values import clean_text

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.observation import Observation
    from weatherd.providers import Resources

log = structlog.get_logger()

_NAME = "met-norway"
_BASE_URL = "https://api.met.no"
FORECAST_PATH = "/weatherapi/locationforecast/2.0/compact"

_USUAL = 1800.0  # seconds for which an answer is good that does not say so
_SHORTEST, _LONGEST = 600.0, 86400.0
_BANNED = 86400.0
_KEPT = timedelta(days=2)


def build_met_norway_query(city: City) -> dict[str, str]:
    """Return the parameters for *city*: four decimals, for the service refuses more."""
    return {name: f"{degrees + 0.0:.4f}" for name, degrees in (("lat", city.lat), ("lon", city.lon))}


def parse_met_norway(answer: Response, kept: Forecast | None, now: float) -> Forecast:
    """Return the forecast that *answer* brings, or *kept* when nothing has changed since; POSIX times.

    Raises ProviderError for anything else.
    """
    expires = _expires(answer, now)
    if answer.status == 304 and kept:  # noqa: PLR2004
        return replace(kept, fetched=now, expires=expires)
    if answer.status not in (200, 203):
        raise _refusal(answer, now)
    steps = parse_steps(parse_json(answer.body), now)
    modified = answer.headers.get("Last-Modified", "")
    return Forecast(steps, modified if modified.isprintable() else "", now, expires)


def _expires(answer: Response, now: float) -> float:
    """Return when the answer expires, by our own clock: how long after its ``Date``, less the time spent in a cache.

    See RFC 9111 §4.2.
    """
    expires, date = (_http_time(answer.headers.get(name, "")) for name in ("Expires", "Date"))
    age = answer.headers.get("Age", "")
    spent = float(age) if age.isascii() and age.isdigit() else 0.0
    good_for = _USUAL if expires is None else expires - (now if date is None else date) - spent
    return now + min(max(good_for, _SHORTEST), _LONGEST)


def _http_time(text: str) -> float | None:
    try:
        time = email.utils.parsedate_to_datetime(text)
        return time.replace(tzinfo=time.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _refusal(answer: Response, now: float) -> ProviderError:
    failure = Failure.UNAVAILABLE if answer.status == 499 else failure_of(answer.status)  # noqa: PLR2004
    text = clean_text(answer.body.decode(errors="replace")) if answer.body.lstrip()[:1] != b"<" else ""
    said = f"{answer.status}: {text}" if text else f"the service answers with status {answer.status}"
    asked = retry_after(answer.headers, datetime.fromtimestamp(now, UTC))
    if failure is Failure.DENIED:
        said += " (check met_norway.contact: it has to name you; who goes on asking is banned)"
        asked = max(asked or 0.0, _BANNED)
    return ProviderError(said, failure, retry_after=asked)


class MetNorwayProvider:
    """Asks once for a place, and then not before the answer expires: one forecast serves until then.

    Cities whose coordinates are the same in four decimals share it. It outlives a restart.
    """

    def __init__(self, base_url: str, contact: str, resources: Resources) -> None:
        self._url = f"{base_url}{FORECAST_PATH}"
        self._agent = f"weatherd/{__version__} {contact}"
        self._resources = resources
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._is_deprecation_told = False

    async def fetch(self, city: City) -> Observation:
        """Return the forecast's step that covers now; ``observed_at`` is the time from which on it holds."""
        parameters = build_met_norway_query(city)
        place = ",".join(parameters.values())
        async with self._locks[place]:
            forecast = await self._forecast(place, parameters)
        step = forecast.step(self._time())
        if step is None:
            raise ProviderError("the forecast has no step for now", Failure.EMPTY)
        return observation_from_step(city, _NAME, step, forecast.fetched)

    async def _forecast(self, place: str, parameters: dict[str, str]) -> Forecast:
        kept = load_forecast(self._resources.key_values.get(place))
        if kept and kept.fetched <= self._time() < kept.expires:
            return kept
        forecast = await self._resources.limiter.run(lambda: self._ask(parameters, kept))
        self._resources.key_values.put(place, forecast.dump(), self._resources.now() + _KEPT)
        return forecast

    async def _ask(self, parameters: dict[str, str], kept: Forecast | None) -> Forecast:
        known = kept if kept and kept.step(self._time()) else None
        headers = {"User-Agent": self._agent}
        if known and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        answer = await get(self._resources.session, self._url, parameters, headers)
        if answer.status == 203 and not self._is_deprecation_told:  # noqa: PLR2004
            self._is_deprecation_told = True
            log.warning("provider.deprecated", provider=_NAME, action="look for a newer weatherd")
        return parse_met_norway(answer, known, self._time())

    def _time(self) -> float:
        return self._resources.now().timestamp()


def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[MetNorwayProvider]:
    """Open the provider as the block ``met_norway`` says. Raises ConfigError without a contact."""
    block = settings.met_norway
    if block.contact is None:
        message = "met-norway needs your e-mail or web address: the service refuses programs that do not name somebody"
        raise ConfigError(Problem("met_norway.contact", message))
    return contextlib.nullcontext(MetNorwayProvider(block.base_url or _BASE_URL, block.contact, resources))
