"""Polls of many cities at once: all that are due go to their provider together, and one loop takes its response.

A city is polled in this way if its preferred provider can and nothing is wrong with it; else its producer polls it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.http.trace import add_traces
from weatherd.observation import FetchedObservation, Observation
from weatherd.polling.poll_history import SERVED, Poll, ProviderAttempt
from weatherd.providers.batching import CoalescingProvider
from weatherd.text.auto_interval import AutoInterval

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Iterable, Sequence

    from weatherd.http.trace import RequestTraces
    from weatherd.polling.poll_history import CityPolls
    from weatherd.polling.producer import PollingContext
    from weatherd.providers.batching import Coalescer


class ProviderResponse(NamedTuple):
    """What the preferred provider returned for a city, if that is not simply a fresh observation."""

    seconds: float  # that the poll took
    outcome: Any  # an observation or an error
    traces: RequestTraces

    def take(self) -> Coroutine[Any, Any, Any]:
        """Return the observation, or raise the error, as the provider's ``fetch()`` would."""
        return _take(self.outcome, self.traces)


async def _take(outcome: Any, traces: RequestTraces) -> Any:
    add_traces(traces)
    try:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
    finally:
        del outcome  # because a frame that refers to its own error is a reference cycle


class BatchPolls:
    """The polls that one provider makes for many cities at once."""

    def __init__(self, name: str, coalescer: Coalescer[Any, Any], context: PollingContext) -> None:
        self._name = name
        self._coalescer = coalescer
        self._max_age = context.latest.budgets.of_provider(name)
        self._context = context

    def start(self, polls: Sequence[CityPolls]) -> None:
        """Hand cities that are due to the provider."""
        self._coalescer.add(polls)  # type: ignore[arg-type]  # these have a receiver, which is this

    def cancel_abandoned(self) -> None:
        """Cancel requests for which no producer waits any more."""
        self._coalescer.cancel_abandoned()

    def deliver(self, results: Sequence[tuple[CityPolls, Any]], traces: RequestTraces) -> Awaitable[None] | None:
        """Take the response to a request: enqueue its fresh observations, and plan the next polls of their cities.

        The other cities' producers are woken with a :class:`ProviderResponse`. The attempt that ``weatherd explain``
        shows is shared. While the queue is full, no other request is sent: at full load the producers of a hundred
        cities, each waiting for room, would take as long as the polls themselves.
        """
        context, clock, epoch = self._context, self._context.clock, self._context.clock.epoch
        seconds, ended = clock.seconds_since(results[0][0].due), clock.boot()
        oldest = datetime.fromtimestamp(epoch + ended - self._max_age, UTC)
        attempt = ProviderAttempt(self._name, SERVED, seconds, "", traces)
        poll = Poll(ended - seconds, ended, (attempt,), 0)
        arrived: list[FetchedObservation] = []
        for polls, outcome in results:
            if polls.waiter.done():  # cancelled
                continue
            if type(outcome) is Observation and oldest <= outcome.observed_at <= outcome.fetched_at:
                arrived.append(FetchedObservation(polls.city, outcome))
                polls.last = poll
                if isinstance(polls.city.interval, AutoInterval):
                    context.rhythms.plan(polls, outcome, ended, epoch)
                else:
                    polls.plan_tick(ended, context.planner.interval(polls.city), epoch)
                context.timer.add(polls)
            else:
                polls.waiter.set_result(ProviderResponse(seconds, outcome, traces))
        if not arrived:
            return None
        context.history.count(attempt, len(arrived))
        return context.queue.put_response(arrived)


def start_polls(due: Iterable[CityPolls]) -> None:
    """Start the polls that are due: wake the producers that poll themselves, and poll the other cities together."""
    groups: defaultdict[BatchPolls, list[CityPolls]] = defaultdict(list)
    for polls in due:
        if polls.waiter.done():  # cancelled
            continue
        polls.is_running = True
        if polls.receiver is None:
            polls.waiter.set_result(None)
        else:
            groups[polls.receiver].append(polls)
    for receiver, group in groups.items():
        receiver.start(group)


def find_batch_polls(context: PollingContext) -> dict[str, BatchPolls]:
    """Return the batch polls of those providers that can poll many cities at once, by name."""
    return {
        name: BatchPolls(name, provider.coalescer, context)
        for name, provider in context.providers.items()
        if isinstance(provider, CoalescingProvider)
    }
