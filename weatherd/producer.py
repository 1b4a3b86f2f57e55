"""The producer: one city, asked for ever; its failures become states and never end it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from weatherd.attempts import Attempt, Attempts, Next
from weatherd.errors import Failure, ProviderError, is_service_wide
from weatherd.failover import Bench, bench, order
from weatherd.foreign import words
from weatherd.observation import Arrival
from weatherd.poll import Outcome, ask
from weatherd.schedule import backoff, first_poll, next_tick, phase, second_poll
from weatherd.trouble import Trouble

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from weatherd.account import Account
    from weatherd.channel import Channel
    from weatherd.city import City
    from weatherd.planner import Planner
    from weatherd.providers import Provider
    from weatherd.sinks.board import Board

log = structlog.get_logger()

_IN_TURN = "the city's turn: its phase in the interval"
_PAUSE = 1.0  # seconds, at the least
_EARLY = (Failure.UNAVAILABLE, Failure.BROKEN, Failure.MALFORMED, Failure.EMPTY)  # worth a try before the next tick


@dataclass(frozen=True, slots=True)
class Tools:
    """What every producer works with."""

    providers: Mapping[str, Provider]
    planner: Planner
    board: Board
    channel: Channel
    account: Account
    epoch: float  # POSIX time at which the loop's clock stood at zero
    random: random.Random
    attempts: Attempts = field(default_factory=Attempts)

    def now(self) -> float:
        """Return the POSIX time, by the loop's clock: it never jumps."""
        return self.epoch + asyncio.get_running_loop().time()


async def produce(city: City, tools: Tools) -> None:
    """Poll *city* at every tick of its phase, and at once when nothing fresh is known of it.

    After a failure it is polled sooner and then ever later. Polls of a city never overlap. A poll that outlasts its
    interval makes it skip ticks, not queue them.
    """
    trouble = Trouble()
    benches: dict[str, Bench] = {}
    tick, in_turn, why = _first(city, tools)
    with structlog.contextvars.bound_contextvars(city=city.id):
        while True:
            tools.attempts.planned(city.id, Next(tick, why))
            await asyncio.sleep(tick - tools.now())
            tools.attempts.begins(city.id)
            began = tools.now()
            outcome = await ask(city, order(city.providers, benches, tools.now()), tools.providers, tools.now)
            await _deliver(city, outcome, tools)
            interval, now = tools.planner.interval(city), max(tools.now(), tick)  # a timer may ring a hair early
            for name, error in outcome.errors.items():
                benches[name] = bench(benches.get(name), now, interval, _asked(error))
            if outcome.is_fresh:
                trouble.ended(now)
                then = next_tick if in_turn else second_poll
                tick, in_turn, why = then(now, interval, phase(city.id, interval)), True, _IN_TURN
            else:
                wait = _wait(outcome, backoff(trouble.failures + 1, interval, tools.random.random()), interval)
                trouble.goes_on(outcome.reason, now, wait)
                trouble.aged(tools.board.last(city.id), outcome.reason, now)
                tick, in_turn, why = tools.now() + wait, False, _after(outcome, trouble.failures)
            tools.attempts.ended(city.id, _attempt(began, outcome, trouble.failures, tools))


def _first(city: City, tools: Tools) -> tuple[float, bool, str]:
    """Return when to poll first, whether that is a tick of the phase, and why then."""
    now, interval, last = tools.now(), tools.planner.interval(city), tools.board.last(city.id)
    if last is None or last.provider not in city.providers or tools.board.is_stale(city.id, now):
        return now, False, "nothing fresh is known of it"
    tick = first_poll(now, last.fetched_at.timestamp(), interval, phase(city.id, interval))
    return (
        tick,
        tick > now,
        "the journal holds a fresh observation" if tick > now else "the last poll is an interval ago",
    )


def _after(outcome: Outcome, failures: int) -> str:
    reason = outcome.reason
    if is_service_wide(reason):
        return f"the service is left alone until then, for all its cities: {words(reason)}" if reason else ""
    if reason is not None and _asked(reason):
        return "the service asked for that"
    return f"another try after {failures} failed poll{'s' if failures > 1 else ''} in a row, each later than the last"


def _attempt(began: float, outcome: Outcome, failures: int, tools: Tools) -> Attempt:
    served = outcome.observation.provider if outcome.observation else None
    decided = f"{served} serves" if outcome.is_fresh else "nothing newer, so the old one is shown as stale"
    return Attempt(began, tools.now(), outcome.tries, decided if served else "no observation", failures)


async def _deliver(city: City, outcome: Outcome, tools: Tools) -> None:
    """Put what was found on the road, also when it is old: it says so."""
    if outcome.observation is None:
        return
    before = tools.board.last(city.id)
    if before and before.provider != outcome.observation.provider:
        _tell_failover(before.provider, outcome)
    tools.account.fetched += 1
    await tools.channel.put(Arrival(city, outcome.observation, stale=outcome.is_stale))


def _tell_failover(before: str, outcome: Outcome) -> None:
    """Log that another provider serves; low when the other is paused, which is told once for all its cities."""
    reason = outcome.reason
    tell = log.debug if reason is None or is_service_wide(reason) else log.info
    why = words(reason) if reason else "it can serve again"
    tell("city.failover", before=before, served_by=outcome.observation and outcome.observation.provider, reason=why)


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
