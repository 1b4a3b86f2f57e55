"""A single poll of a city: its providers are tried in order until one returns a fresh observation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from weatherd.errors import Failure, ProviderError, describe, is_service_wide
from weatherd.freshness import age_seconds
from weatherd.http.response import parse_http_date
from weatherd.http.trace import current_traces, start_tracing, stop_tracing
from weatherd.observation import LIVE, OK, Observation
from weatherd.plugins import contain
from weatherd.polling.poll_history import SERVED, ProviderAttempt
from weatherd.text import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weatherd.city import City
    from weatherd.clock import AnchoredClock
    from weatherd.freshness import AgeBudgets
    from weatherd.http.trace import RequestTrace
    from weatherd.polling.batch_polls import ProviderResponse
    from weatherd.providers import Provider

log = structlog.get_logger()

_DATE_RESOLUTION = timedelta(seconds=1)  # of the header ``Date``


class FetchResult(NamedTuple):
    """Result of a poll: a fresh observation, a stale one if no provider has a newer one, or none."""

    observation: Observation | None
    is_stale: bool
    errors: Mapping[str, Exception]  # by provider, in the order in which they were tried
    attempts: Sequence[ProviderAttempt] = ()

    @property
    def is_fresh(self) -> bool:
        """Whether there is an observation within its age budget."""
        return self.observation is not None and not self.is_stale

    @property
    def reason(self) -> Exception | None:
        """The most informative error: that of the first provider that was not paused for all cities."""
        errors = list(self.errors.values())
        return next((error for error in errors if not is_service_wide(error)), errors[0] if errors else None)

    @property
    def failed_provider(self) -> str:
        """The provider that raised :attr:`reason`; "" if there is none."""
        return next((name for name, error in self.errors.items() if error is self.reason), "")


async def fetch_city(
    city: City,
    names: Iterable[str],
    providers: Mapping[str, Provider],
    budgets: AgeBudgets,
    clock: AnchoredClock,
    *,
    previous: Observation | None = None,
    preferred: ProviderResponse | None = None,
) -> FetchResult:
    """Try the providers *names* one after the other until one returns an observation that is not overdue.

    If none does, the newest observation is used, which may still be fresh enough for a city with a long interval.
    *previous* is the city's latest observation. *preferred* is the response of the first provider, if it was polled
    before, together with other cities. Exceptions of providers are collected in the result, never raised.
    """
    errors: dict[str, Exception] = {}
    attempts: list[ProviderAttempt] = []
    newest: Observation | None = None  # of the overdue ones
    for name in names:
        began, token = clock.boot(), start_tracing()
        if preferred:
            began -= preferred.seconds
            polling, preferred = preferred.take(), None
        else:
            polling = None
        try:
            with contain():
                response = await (polling or providers[name].fetch(city))
                ended = clock.boot()
                now = clock.epoch + ended
                found = _checked(response, city, now, previous)
        except Exception as error:
            errors[name] = error
            attempts.append(_failed_attempt(name, clock.boot() - began, stop_tracing(token), error))
            if len(city.providers) > 1:
                bug = None if isinstance(error, ProviderError) else error
                log.debug("provider.failed", provider=name, reason=describe(error), exc_info=bug)
        else:
            traces = stop_tracing(token)
            if not budgets.is_overdue(found, now):
                attempts.append(ProviderAttempt(name, SERVED, ended - began, "", traces))
                return FetchResult(found, False, errors, attempts)
            errors[name] = _stale_error(name, age_seconds(found, now))
            attempts.append(_failed_attempt(name, ended - began, traces, errors[name]))
            newest = max(newest, found, key=lambda observation: observation.observed_at) if newest else found
    is_stale = newest is None or budgets.is_stale(newest, clock.epoch + clock.boot())
    return FetchResult(newest, is_stale, errors, attempts)


def _failed_attempt(provider: str, seconds: float, traces: Sequence[RequestTrace], error: Exception) -> ProviderAttempt:
    outcome = error.failure.value if isinstance(error, ProviderError) else "bug"
    return ProviderAttempt(provider, outcome, seconds, describe(error), traces)


def _checked(response: Any, city: City, now: float, previous: Observation | None) -> Observation:
    """Return a provider's response if it is a valid observation of the city, with ``observed_at`` not in the future.

    Raises TypeError for anything else. A clock that is behind the service's, or behind the city's previous observation,
    is wrong itself: then ``observed_at`` stays as the service reported it.
    """
    if not isinstance(response, Observation):
        raise TypeError(f"fetch() must return an Observation, not {type(response).__name__}")
    if response.city != city.id:
        raise TypeError(f"field 'city' is invalid: must be {city.id!r}, the id of the requested city")
    if problem := response.find_problem():
        raise TypeError(problem)
    found: Observation = response
    if (found.origin, found.quality) != (LIVE, OK):  # which are weatherd's, and not a plug-in's
        found = found._replace(origin=LIVE, quality=OK)
    if found.observed_at <= found.fetched_at:
        return found
    here = datetime.fromtimestamp(now, UTC)
    there = (parse_http_date(trace.date) for trace in current_traces())
    latest = max(found.fetched_at, here, *(date + _DATE_RESOLUTION for date in there if date))
    if previous and previous.observed_at > latest:
        return found
    return found._replace(observed_at=min(found.observed_at, latest))


def is_valid_observation(row: Any, city: City, now: datetime, returned: str) -> bool:
    """Return whether a provider, perhaps a plug-in, has returned an observation of the city that is not in the future.

    For requests beside the polls, whose results may be left out one by one. Raises TypeError for anything but an
    observation; its text begins with *returned*, the rule.
    """
    if not isinstance(row, Observation):
        raise TypeError(f"{returned}, not {type(row).__name__}")
    return row.city == city.id and row.find_problem() is None and row.observed_at <= now


def _stale_error(provider: str, age: float) -> ProviderError:
    return ProviderError(
        f"the newest observation of {provider} is {duration.format_duration(age // 60 * 60)} old", Failure.STALE
    )
