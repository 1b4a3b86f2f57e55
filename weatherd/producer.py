"""The producer: one city, asked for ever; its failures become states and never end it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from weatherd.errors import Failure, ProviderError
from weatherd.foreign import contained, words
from weatherd.observation import Arrival, Observation
from weatherd.schedule import backoff, next_tick, phase, second_poll

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from weatherd.account import Account
    from weatherd.channel import Channel
    from weatherd.city import City
    from weatherd.providers import Provider

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tools:
    """What every producer works with."""

    providers: Mapping[str, Provider]
    channel: Channel
    account: Account
    epoch: float  # POSIX time at which the loop's clock stood at zero
    random: random.Random

    def now(self) -> float:
        """Return the POSIX time, by the loop's clock: it never jumps."""
        return self.epoch + asyncio.get_running_loop().time()


async def produce(city: City, tools: Tools) -> None:
    """Poll *city* at once and then at every tick of its phase; after a failure, sooner and then ever later.

    Polls of a city never overlap. A poll that outlasts its interval makes it skip ticks, not queue them.
    """
    interval, offset = city.interval, phase(city.id, city.interval)
    failures = 0
    down_since = tick = tools.now()
    is_first = True
    with structlog.contextvars.bound_contextvars(city=city.id):
        while True:
            try:
                observation = await ask(city, tools.providers)
            except Exception as error:  # noqa: BLE001 - a provider may be somebody else's code
                failures += 1
                wait = _wait(error, backoff(failures, interval, tools.random.random()), interval)
                if failures == 1:
                    down_since = tools.now()
                _tell(error, failures, wait)
                tick = tools.now() + wait
            else:
                if failures:
                    log.info("city.recovered", failures=failures, seconds=round(tools.now() - down_since, 3))
                failures = 0
                tools.account.fetched += 1
                await tools.channel.put(Arrival(city, observation))
                now = max(tools.now(), tick)  # a timer may ring a hair early
                tick = second_poll(now, interval, offset) if is_first else next_tick(now, interval, offset)
                is_first = False
            await asyncio.sleep(tick - tools.now())


async def ask(city: City, providers: Mapping[str, Provider]) -> Observation:
    """Return the first answer, in the city's order of preference; if there is none, raise the first failure."""
    failures: list[Exception] = []
    for name in city.providers:
        try:
            with contained():
                return _checked(await providers[name].fetch(city), city)
        except Exception as error:
            failures.append(error)
            if len(city.providers) > 1:
                is_bug = None if isinstance(error, ProviderError) else error
                log.debug("provider.failed", provider=name, reason=words(error), exc_info=is_bug)
    raise failures[0]


def _checked(answer: Any, city: City) -> Observation:
    """Let only sound observations of the city on the road; TypeError for anything else."""
    if not isinstance(answer, Observation):
        raise TypeError(f"a provider gives an Observation, not a {type(answer).__name__}")
    if answer.city != city.id or not answer.is_sound():
        raise TypeError("the provider's observation is of another city, or has a value that cannot be")
    return answer


def _wait(error: Exception, backoff: float, interval: float) -> float:
    """Return the seconds until the next try: a request that was refused is not worth an early one."""
    if not isinstance(error, ProviderError):
        return backoff
    early = error.failure in (Failure.UNAVAILABLE, Failure.BROKEN, Failure.MALFORMED)
    return max(backoff if early else max(backoff, interval), error.retry_after or 0.0)


def _tell(error: Exception, failures: int, wait: float) -> None:
    """Log the first failure loud and the others low; a traceback only for what nobody expected."""
    event = {"reason": words(error), "failures": failures, "retry_in": round(wait, 3)}
    is_bug = None if isinstance(error, ProviderError) else error
    if failures > 1:
        log.debug("city.still_down", **event)
    elif is_bug:
        log.error("city.down", **event, exc_info=error)
    else:
        log.warning("city.down", **event)
