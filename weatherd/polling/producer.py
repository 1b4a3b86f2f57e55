"""Producer: a task that polls one city for ever. Failures change its schedule but never end it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import structlog

from weatherd.errors import Failure, ProviderError, describe, is_service_wide
from weatherd.observation import FetchedObservation
from weatherd.polling.failover import Suspension, order_providers, suspend
from weatherd.polling.fetch import FetchResult, fetch_city
from weatherd.polling.outage_log import OutageLog
from weatherd.polling.poll_history import NextPoll, Poll, PollHistory
from weatherd.polling.schedule import (
    backoff_delay,
    city_phase,
    cold_start_spread,
    first_poll_time,
    next_tick,
    rejoin_tick,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from weatherd.city import City
    from weatherd.clock import AnchoredClock
    from weatherd.observation import Observation
    from weatherd.pipeline.latest import LatestObservations
    from weatherd.pipeline.queue import ObservationQueue
    from weatherd.polling.city_registry import CityRegistry
    from weatherd.polling.tick_timer import TickTimer
    from weatherd.providers import Provider
    from weatherd.quota.planner import Planner

log = structlog.get_logger()

_ON_SCHEDULE = "on schedule"
_MIN_PAUSE = 1.0  # seconds; minimum time until a paused service is tried again
_RETRIED_EARLY = (Failure.UNAVAILABLE, Failure.BROKEN, Failure.MALFORMED, Failure.EMPTY)  # retried before the next tick


@dataclass(frozen=True, slots=True)
class PollingContext:
    """Values that all producers share."""

    providers: Mapping[str, Provider]
    planner: Planner
    registry: CityRegistry
    latest: LatestObservations
    queue: ObservationQueue
    clock: AnchoredClock
    timer: TickTimer
    random: random.Random
    history: PollHistory


async def produce(city: City, context: PollingContext) -> None:
    """Poll *city* at every tick of its schedule and put its observations on the queue, until cancelled.

    The first poll is immediate (in a long list: soon) unless a fresh observation is known. After a failure, the city is
    polled before its next tick, then with growing delays. Polls of a city never overlap; a poll that takes longer than
    the interval skips ticks. Deadlines are boot times, so that no step of the system time delays or repeats a poll.
    """
    structlog.contextvars.bind_contextvars(city=city.id)  # each task has its own context
    phase, health = city_phase(city.id), _HEALTHY
    next_poll = _plan_first_poll(city, phase, context)
    context.history.record_next(city.id, next_poll)
    while True:
        await context.timer.wait_until(next_poll.at)
        context.history.record_start(city.id)
        next_poll, health = await _poll(city, phase, health, next_poll, context)


class _CityHealth(NamedTuple):
    """The current outage and the suspended providers of a city."""

    outage: OutageLog | None = None
    suspensions: Mapping[str, Suspension] = MappingProxyType({})


_HEALTHY = _CityHealth()


def _plan_first_poll(city: City, phase: float, context: PollingContext) -> NextPoll:
    began, epoch = context.clock.boot(), context.clock.epoch
    now, interval, last = epoch + began, context.planner.interval(city), context.latest.get(city.id)
    if last is None or last.provider not in city.providers or context.latest.is_stale(city.id, now):
        at = began + phase * cold_start_spread(len(context.registry.cities))
        return NextPoll(at, "no fresh observation is known", is_tick=False)
    tick = first_poll_time(now, last.fetched_at.timestamp(), interval, phase * interval)
    if tick > now:
        return NextPoll(tick - epoch, "the journal holds a fresh observation")
    return NextPoll(began, "the last poll is an interval ago", is_tick=False)


async def _poll(
    city: City, phase: float, health: _CityHealth, due: NextPoll, context: PollingContext
) -> tuple[NextPoll, _CityHealth]:
    """Poll once, put the observation on the queue, and return the next poll and the city's health."""
    clock = context.clock
    began = clock.boot()
    names = order_providers(city.providers, health.suspensions, began)
    latest = context.latest
    result = await fetch_city(city, names, context.providers, latest.budgets, clock, previous=latest.get(city.id))
    if result.observation:  # stale ones too; they are marked as stale
        await context.queue.put(_wrap_fetched(city, result, result.observation, context))
    interval = context.planner.interval(city)
    epoch = clock.epoch
    now = max(clock.boot(), due.at)  # because a timer may fire slightly early, and the tick would be repeated
    if result.errors:
        health = _suspend_failed(health, result.errors, now, interval)
    failures = 0
    if result.is_fresh:
        if health.outage:
            health.outage.recovered(now)
            health = health._replace(outage=None)
        tick = next_tick if due.is_tick else rejoin_tick
        next_poll = NextPoll(tick(epoch + now, interval, phase * interval) - epoch, _ON_SCHEDULE)
    else:
        outage = health.outage or OutageLog()
        health = health._replace(outage=outage)
        failures = outage.failures + 1
        delay = _retry_delay(result, backoff_delay(failures, interval, context.random.random()), interval)
        outage.failed(result.reason, now, delay, result.failed_provider)
        outage.went_stale(context.latest.get(city.id), result.reason, epoch + now, context.latest.budgets)
        next_poll = NextPoll(now + delay, _retry_reason(result, failures), is_tick=False)
    context.history.record_end(city.id, Poll(began, now, result.attempts, failures), next_poll)
    return next_poll, health


def _suspend_failed(health: _CityHealth, errors: Mapping[str, Exception], now: float, interval: float) -> _CityHealth:
    suspensions = dict(health.suspensions)
    for name, error in errors.items():
        suspensions[name] = suspend(suspensions.get(name), now, interval, _retry_after(error))
    return health._replace(suspensions=suspensions)


def _retry_reason(result: FetchResult, failures: int) -> str:
    reason = result.reason
    if is_service_wide(reason):
        return f"the service is paused until then, for all its cities: {describe(reason)}" if reason else ""
    if reason is not None and _retry_after(reason):
        return "the service asked for this delay"
    return f"retry after {failures} failed poll{'s' if failures > 1 else ''} in a row, each later than the last"


def _wrap_fetched(
    city: City, result: FetchResult, observation: Observation, context: PollingContext
) -> FetchedObservation:
    """Return an observation for the queue; log if another provider serves the city than before."""
    before = context.latest.get(city.id)
    if before and before.provider != observation.provider:
        _log_failover(before.provider, observation.provider, result.reason)
    return FetchedObservation(city, observation, False, result.is_stale)


def _log_failover(before: str, served_by: str, reason: Exception | None) -> None:
    """Log a failover; at debug level if the service is paused, because that is logged once for all its cities."""
    write = log.debug if reason is None or is_service_wide(reason) else log.info
    text = describe(reason) if reason else "it is available again"
    write("city.failover", before=before, served_by=served_by, reason=text)


def _retry_delay(result: FetchResult, backoff: float, interval: float) -> float:
    """Return the seconds until the next poll: the shortest delay of the providers that failed."""
    return min(_provider_delay(error, backoff, interval) for error in result.errors.values())


def _provider_delay(error: Exception, backoff: float, interval: float) -> float:
    """Return the seconds until a provider is retried. A rejected request is not retried before the next tick.

    Neither is a provider whose observation is stale, nor later: often the clock is wrong, and is set at any moment.
    """
    if is_service_wide(error):
        return max(_retry_after(error), _MIN_PAUSE)
    if isinstance(error, ProviderError) and error.failure is Failure.STALE:
        return interval
    is_early = not isinstance(error, ProviderError) or error.failure in _RETRIED_EARLY
    return max(backoff if is_early else max(backoff, interval), _retry_after(error))


def _retry_after(error: Exception) -> float:
    return (error.retry_after or 0.0) if isinstance(error, ProviderError) else 0.0
