"""Producer: a task that polls one city for ever. Failures change its schedule but never end it."""

from __future__ import annotations

import asyncio
import contextvars
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import describe, is_service_wide
from weatherd.observation import FetchedObservation
from weatherd.polling.batch_polls import find_batch_polls
from weatherd.polling.failover import order_providers
from weatherd.polling.fetch import FetchResult, fetch_city
from weatherd.polling.outage_log import OutageLog
from weatherd.polling.poll_history import Poll, PollHistory
from weatherd.polling.retries import explain_retry, retry_delay
from weatherd.polling.schedule import (
    backoff_delay,
    cold_start_spread,
    first_poll_time,
    phase_offset,
)
from weatherd.text.auto_interval import AutoInterval

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from weatherd.city import City
    from weatherd.clock import AnchoredClock
    from weatherd.observation import Observation
    from weatherd.pipeline.latest import LatestObservations
    from weatherd.pipeline.queue import ObservationQueue
    from weatherd.polling.batch_polls import BatchPolls, ProviderResponse
    from weatherd.polling.city_registry import CityRegistry
    from weatherd.polling.poll_history import CityPolls
    from weatherd.polling.rhythm.rhythms import Rhythms
    from weatherd.polling.tick_timer import TickTimer
    from weatherd.providers import Provider
    from weatherd.quota.planner import Planner

log = structlog.get_logger()


@dataclass(slots=True)
class PollingContext:
    """Parts that all producers share."""

    providers: Mapping[str, Provider]
    planner: Planner
    registry: CityRegistry
    latest: LatestObservations
    queue: ObservationQueue
    clock: AnchoredClock
    timer: TickTimer
    random: random.Random
    history: PollHistory
    rhythms: Rhythms
    loop: asyncio.AbstractEventLoop
    batch_polls: dict[str, BatchPolls] = field(init=False)  # of the providers that can poll many cities at once

    def __post_init__(self) -> None:
        """Create the batch polls, which plan the next polls of their cities."""
        self.batch_polls = find_batch_polls(self)


async def produce(polls: CityPolls, context: PollingContext) -> None:
    """Poll a city at every tick of its schedule and put its observations on the queue, until cancelled.

    The first poll is immediate (in a long list: soon) unless a fresh observation is known. After a failure, the city is
    polled before its next tick, then with growing delays. Polls of a city never overlap; a poll that takes longer than
    the interval skips ticks. Deadlines are boot times, so that no step of the system time delays or repeats a poll.

    A batch poll of a healthy city does not wake this task: :class:`BatchPolls` enqueues its observation and plans the
    next one. All other polls are tasks that this one starts.
    """
    # Few local variables and short expressions, because each value takes 8 bytes for each city, and a bound method 72
    _plan_first_poll(polls, context)
    polls.receiver = _find_batch_polls(polls, context)
    while True:
        polls.waiter = context.loop.create_future()
        context.timer.add(polls)
        try:
            response = await polls.waiter
        except asyncio.CancelledError:
            if polls.is_running and polls.receiver:
                polls.receiver.cancel_abandoned()
            raise
        await _start_poll(polls, response, context)
        polls.receiver = _find_batch_polls(polls, context)
        del response  # it would be kept until the next poll


def _plan_first_poll(polls: CityPolls, context: PollingContext) -> None:
    city, began, epoch = polls.city, context.clock.boot(), context.clock.epoch
    now, interval, last = epoch + began, context.planner.interval(city), context.latest.get(city.id)
    if last is None or last.provider not in city.providers or context.latest.is_stale(city.id, now):
        at = began + phase_offset(city.id, cold_start_spread(len(context.registry.cities)))
        polls.plan(at, "no fresh observation is known", is_tick=False)
    elif isinstance(city.interval, AutoInterval):
        at = context.rhythms.first_poll_time(city, last, now)
        polls.plan(at - epoch, "the journal holds a fresh observation; a newer one is expected then", is_tick=False)
    elif (tick := first_poll_time(now, last.fetched_at.timestamp(), interval, phase_offset(city.id, interval))) > now:
        polls.plan(tick - epoch, "the journal holds a fresh observation")
    else:
        polls.plan(began, "the last poll is an interval ago", is_tick=False)


def _find_batch_polls(polls: CityPolls, context: PollingContext) -> BatchPolls | None:
    """Return the batch that the city is polled in, or None while its producer has something to observe.

    That is an outage, a suspended provider, or the return from another provider.
    """
    city, health = polls.city, polls.health
    latest, provider = context.latest.get(city.id), city.providers[0]
    if health.outage or (latest and latest.provider != provider):
        return None
    if order_providers(city.providers, health.suspensions, context.clock.boot())[0] != provider:
        return None
    return context.batch_polls.get(provider)


def _start_poll(polls: CityPolls, preferred: ProviderResponse | None, context: PollingContext) -> asyncio.Task[None]:
    """Poll a city alone, in a task with a log context of its own: in all producers it would take 64 bytes a city."""
    return context.loop.create_task(_poll(polls, preferred, context), context=contextvars.Context())


async def _poll(polls: CityPolls, preferred: ProviderResponse | None, context: PollingContext) -> None:
    """Poll once, put the observation on the queue, plan the next poll, and update the city's health.

    *preferred* is the response of the preferred provider, if that was polled already.
    """
    structlog.contextvars.bind_contextvars(city=polls.city.id)
    city, health, clock, latest = polls.city, polls.health, context.clock, context.latest
    began = clock.boot() - (preferred.seconds if preferred else 0.0)
    result = await fetch_city(
        city,
        order_providers(city.providers, health.suspensions, began),
        context.providers,
        latest.budgets,
        clock,
        previous=latest.get(city.id),
        preferred=preferred,
    )
    if result.observation:  # stale ones too; they are marked as stale
        await context.queue.put(_wrap_fetched(city, result, result.observation, context))
    interval, now = context.planner.interval(city), max(clock.boot(), polls.due)
    if result.errors:
        health = health.suspend_failed(result.errors, now, interval)
    for attempt in result.attempts:
        context.history.count(attempt)
    if result.observation and result.is_fresh:
        if health.outage:
            health.outage.recovered(now)
            health = health._replace(outage=None)
        polls.health = health
        polls.last = Poll(began, now, result.attempts, 0)
        if isinstance(city.interval, AutoInterval):
            context.rhythms.plan(polls, result.observation, now, clock.epoch)
        else:
            polls.plan_tick(now, interval, clock.epoch)
        return
    outage = health.outage or OutageLog()
    failures = outage.failures + 1
    delay = retry_delay(result, backoff_delay(failures, interval, context.random.random()), interval)
    outage.failed(result.reason, now, delay, result.failed_provider)
    outage.went_stale(latest.get(city.id), result.reason, clock.epoch + now, latest.budgets)
    polls.last = Poll(began, now, result.attempts, failures)
    polls.plan(now + delay, explain_retry(result, failures), is_tick=False)
    polls.health = health._replace(outage=outage)


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
