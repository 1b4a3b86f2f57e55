"""One poll of one city: its providers in turn, until one has the weather of now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from weatherd import duration
from weatherd.errors import Failure, ProviderError, describe, is_service_wide
from weatherd.freshness import age, is_stale
from weatherd.http.trace import start_tracing, stop_tracing
from weatherd.observation import Observation
from weatherd.plugins import contain
from weatherd.polling.poll_history import FRESH, ProviderAttempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from weatherd.city import City
    from weatherd.http.trace import RequestTrace
    from weatherd.providers import Provider

log = structlog.get_logger()


class Outcome(NamedTuple):
    """What a poll brought: a fresh observation, an old one because nobody had anything newer, or none."""

    observation: Observation | None
    is_stale: bool
    errors: Mapping[str, Exception]  # of the providers that could not serve, in the order they were asked
    tries: Sequence[ProviderAttempt] = ()

    @property
    def is_fresh(self) -> bool:
        """Tell whether it is the weather of now."""
        return self.observation is not None and not self.is_stale

    @property
    def reason(self) -> Exception | None:
        """The error that tells most: that of the first provider that was really asked."""
        errors = list(self.errors.values())
        return next((error for error in errors if not is_service_wide(error)), errors[0] if errors else None)


async def ask(city: City, names: Iterable[str], providers: Mapping[str, Provider], now: Callable[[], float]) -> Outcome:
    """Ask one provider after the other. *now* tells the POSIX time."""
    errors: dict[str, Exception] = {}
    tries: list[ProviderAttempt] = []
    old: Observation | None = None
    for name in names:
        began, trail = now(), start_tracing()
        try:
            with contain():
                answer = await providers[name].fetch(city)
                ended = now()
                found = _checked(answer, city, ended)
        except Exception as error:
            errors[name] = error
            tries.append(_failed(name, now() - began, stop_tracing(trail), error))
            if len(city.providers) > 1:
                is_bug = None if isinstance(error, ProviderError) else error
                log.debug("provider.failed", provider=name, reason=describe(error), exc_info=is_bug)
        else:
            exchanges = stop_tracing(trail)
            if not is_stale(found, ended):
                return Outcome(
                    found, False, errors, (*tries, ProviderAttempt(name, FRESH, ended - began, "", exchanges))
                )
            errors[name] = _too_old(name, age(found, ended))
            tries.append(_failed(name, ended - began, exchanges, errors[name]))
            old = max(old, found, key=lambda each: each.observed_at) if old else found
    return Outcome(old, True, errors, tries)


def _failed(provider: str, seconds: float, exchanges: Sequence[RequestTrace], error: Exception) -> ProviderAttempt:
    outcome = error.failure.value if isinstance(error, ProviderError) else "bug"
    return ProviderAttempt(provider, outcome, seconds, describe(error), exchanges)


def _checked(answer: Any, city: City, now: float) -> Observation:
    """Let only sound observations of the city on the road, none from the future; TypeError for anything else."""
    if not isinstance(answer, Observation):
        raise TypeError(f"a provider gives an Observation, not a {type(answer).__name__}")
    if answer.city != city.id or not answer.is_sound():
        raise TypeError("the provider's observation is of another city, or has a value that cannot be")
    if answer.observed_at <= answer.fetched_at:
        return answer
    latest = max(answer.fetched_at, datetime.fromtimestamp(now, UTC))
    return answer._replace(observed_at=min(answer.observed_at, latest))


def _too_old(provider: str, age: float) -> ProviderError:
    return ProviderError(f"the newest that {provider} has is {duration.words(age // 60 * 60)} old", Failure.STALE)
