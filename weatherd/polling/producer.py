"""The producer: one city, asked for ever; its failures become states and never end it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import structlog

from weatherd.errors import Failure, ProviderError, describe, is_service_wide
from weatherd.observation import FetchedObservation
from weatherd.polling.failover import Suspension, bench, order
from weatherd.polling.fetch import Outcome, ask
from weatherd.polling.outage_log import OutageLog
from weatherd.polling.poll_history import NextPoll, Poll, PollHistory
from weatherd.polling.schedule import backoff, crowding, first_poll, next_tick, second_poll, share
from weatherd.polling.tick_timer import TickTimer

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from weatherd.city import City
    from weatherd.observation import Observation
    from weatherd.pipeline.latest import LatestObservations
    from weatherd.pipeline.queue import ObservationCounts, ObservationQueue
    from weatherd.providers import Provider
    from weatherd.quota.planner import Planner

log = structlog.get_logger()

_IN_TURN = "the city's turn: its phase in the interval"
_PAUSE = 1.0  # seconds, at the least
_EARLY = (Failure.UNAVAILABLE, Failure.BROKEN, Failure.MALFORMED, Failure.EMPTY)  # worth a try before the next tick


@dataclass(frozen=True, slots=True)
class Tools:
    """What every producer works with."""

    providers: Mapping[str, Provider]
    planner: Planner
    board: LatestObservations
    channel: ObservationQueue
    account: ObservationCounts
    epoch: float  # POSIX time at which the loop's clock stood at zero
    random: random.Random
    attempts: PollHistory = field(default_factory=PollHistory)
    alarm: TickTimer = field(default_factory=TickTimer)
    clock: Callable[[], float] = field(default_factory=lambda: asyncio.get_running_loop().time)

    def now(self) -> float:
        """Return the POSIX time, by the loop's clock: it never jumps."""
        return self.epoch + self.clock()


async def produce(city: City, tools: Tools) -> None:
    """Poll *city* at every tick of its phase, and when nothing fresh is known of it at once, or soon in a long list.

    After a failure it is polled sooner and then ever later. Polls of a city never overlap. A poll that outlasts its
    interval makes it skip ticks, not queue them.
    """
    structlog.contextvars.bind_contextvars(city=city.id)  # in the context of this task
    part, ills = share(city.id), _WELL
    then = _first(city, part, tools)
    tools.attempts.planned(city.id, then)
    while True:
        await tools.alarm.at(then.at - tools.epoch)
        tools.attempts.begins(city.id)
        then, ills = await _poll(city, part, ills, then, tools)


class _Ills(NamedTuple):
    """What has gone wrong for a city, and is not over."""

    trouble: OutageLog | None = None
    benches: Mapping[str, Suspension] = MappingProxyType({})


_WELL = _Ills()


def _first(city: City, part: float, tools: Tools) -> NextPoll:
    now, interval, last = tools.now(), tools.planner.interval(city), tools.board.get(city.id)
    if last is None or last.provider not in city.providers or tools.board.is_stale(city.id, now):
        at = now + part * crowding(len(tools.board.cities))
        return NextPoll(at, "nothing fresh is known of it", is_tick=False)
    tick = first_poll(now, last.fetched_at.timestamp(), interval, part * interval)
    if tick > now:
        return NextPoll(tick, "the journal holds a fresh observation")
    return NextPoll(now, "the last poll is an interval ago", is_tick=False)


async def _poll(city: City, part: float, ills: _Ills, due: NextPoll, tools: Tools) -> tuple[NextPoll, _Ills]:
    """Poll once, put what was found on the road, and return when to poll again, and what is wrong by then.

    *part* is that of the interval which is over at the city's ticks.
    """
    began = tools.now()
    outcome = await ask(city, order(city.providers, ills.benches, began), tools.providers, tools.now)
    if outcome.observation:
        await tools.channel.put(_arrival(city, outcome, outcome.observation, tools))  # also when it is old: it says so
    interval, now = tools.planner.interval(city), max(tools.now(), due.at)  # a timer may ring a hair early
    if outcome.errors:
        benched = {
            name: bench(ills.benches.get(name), now, interval, _asked(error)) for name, error in outcome.errors.items()
        }
        ills = ills._replace(benches={**ills.benches, **benched})
    failures = 0
    if outcome.is_fresh:
        if ills.trouble:
            ills.trouble.ended(now)
            ills = ills._replace(trouble=None)
        tick = next_tick if due.is_tick else second_poll
        then = NextPoll(tick(now, interval, part * interval), _IN_TURN)
    else:
        trouble = ills.trouble or OutageLog()
        ills = ills._replace(trouble=trouble)
        failures = trouble.failures + 1
        wait = _wait(outcome, backoff(failures, interval, tools.random.random()), interval)
        trouble.goes_on(outcome.reason, now, wait)
        trouble.aged(tools.board.get(city.id), outcome.reason, now)
        then = NextPoll(now + wait, _after(outcome, failures), is_tick=False)
    tools.attempts.ended(city.id, Poll(began, now, outcome.tries, failures), then)
    return then, ills


def _after(outcome: Outcome, failures: int) -> str:
    reason = outcome.reason
    if is_service_wide(reason):
        return f"the service is left alone until then, for all its cities: {describe(reason)}" if reason else ""
    if reason is not None and _asked(reason):
        return "the service asked for that"
    return f"another try after {failures} failed poll{'s' if failures > 1 else ''} in a row, each later than the last"


def _arrival(city: City, outcome: Outcome, observation: Observation, tools: Tools) -> FetchedObservation:
    """Return what is put on the road, and count it; log when another provider serves than before."""
    before = tools.board.get(city.id)
    if before and before.provider != observation.provider:
        _tell_failover(before.provider, observation.provider, outcome.reason)
    tools.account.fetched += 1
    return FetchedObservation(city, observation, False, outcome.is_stale)


def _tell_failover(before: str, served_by: str, reason: Exception | None) -> None:
    """Log that another provider serves; low when the other is paused, which is told once for all its cities."""
    tell = log.debug if reason is None or is_service_wide(reason) else log.info
    why = describe(reason) if reason else "it can serve again"
    tell("city.failover", before=before, served_by=served_by, reason=why)


def _wait(outcome: Outcome, backoff: float, interval: float) -> float:
    """Return the seconds until the next poll: the soonest that is worth it for any of the providers."""
    return min(_worth(error, backoff, interval) for error in outcome.errors.values())


def _worth(error: Exception, backoff: float, interval: float) -> float:
    """Return the seconds until a provider is worth another try: one that refused is not worth an early one."""
    if is_service_wide(error):
        return max(_asked(error), _PAUSE)
    early = not isinstance(error, ProviderError) or error.failure in _EARLY
    return max(backoff if early else max(backoff, interval), _asked(error))


def _asked(error: Exception) -> float:
    return (error.retry_after or 0.0) if isinstance(error, ProviderError) else 0.0
