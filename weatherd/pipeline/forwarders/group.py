"""All configured forwarders, each with a task of its own."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from weatherd.errors import WeatherdError, describe
from weatherd.pipeline.forwarders.engine import Delivery
from weatherd.pipeline.forwarders.feeds import ObservationFeed, WarningFeed
from weatherd.pipeline.forwarders.notices.official_warnings import find_change_forwarder, guard_deliveries

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

    from weatherd.journal.journal import Journal
    from weatherd.pipeline.forwarders import Forwarder
    from weatherd.pipeline.forwarders.engine import Progress

    Guard = Callable[[Sequence[Any]], Awaitable[None]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """A forwarder's counts of observations since the start, and whether its destination is unavailable."""

    delivered: int
    skipped: int  # because the destination permanently rejects or never accepts them
    behind: int  # left to deliver
    is_down: bool
    held: int = 0  # alerts that wait for the end of quiet hours


class DeliveryTask(Protocol):
    """A delivery that runs until it is cancelled or drained."""

    progress: Progress

    @property
    def name(self) -> str:
        """The name of the destination."""

    @property
    def behind(self) -> int:
        """The number of entries left to deliver."""

    @property
    def held(self) -> int:
        """The number of alerts that wait for the end of quiet hours."""

    def drain(self) -> None:
        """Make :meth:`run` return when everything is delivered, or at the next failure."""

    async def run(self) -> None:
        """Deliver what is new."""


class DeliveryGroup:
    """The deliveries to all destinations, which do not wait for each other."""

    def __init__(self, deliveries: Iterable[DeliveryTask] = ()) -> None:
        """*deliveries* are those that do not run."""
        self._deliveries = list(deliveries)
        self._tasks: dict[DeliveryTask, asyncio.Task[None]] = {}

    def statuses(self) -> dict[str, DeliveryStatus]:
        """Return the status of each delivery by forwarder."""
        return {
            delivery.name: DeliveryStatus(
                behind=delivery.behind, held=delivery.held, **dataclasses.asdict(delivery.progress)
            )
            for delivery in self._deliveries
        }

    def add(self, deliveries: Iterable[DeliveryTask]) -> None:
        """Start a task for each delivery."""
        for delivery in deliveries:
            self._deliveries.append(delivery)
            name = f"forward to {delivery.name}"
            self._tasks[delivery] = asyncio.create_task(_run_contained(delivery), name=name)

    async def remove(self, deliveries: Iterable[DeliveryTask]) -> None:
        """Cancel the tasks of deliveries that were added, and wait for them."""
        gone = list(deliveries)
        self._deliveries = [delivery for delivery in self._deliveries if delivery not in gone]
        await _cancel([self._tasks.pop(delivery) for delivery in gone])

    async def drain(self, deadline: float) -> None:
        """Deliver the rest until *deadline*, a loop time; later entries stay in the journal."""
        for delivery in self._deliveries:
            delivery.drain()
        if self._tasks:
            left = max(0.0, deadline - asyncio.get_running_loop().time())
            await asyncio.wait(self._tasks.values(), timeout=left)

    async def stop(self) -> None:
        """Cancel all tasks and wait for them."""
        await _cancel(list(self._tasks.values()))


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


async def _run_contained(delivery: DeliveryTask) -> None:
    """Run a delivery; an unexpected error is logged and ends only this delivery."""
    try:
        await delivery.run()
    except Exception as error:
        is_bug = not isinstance(error, WeatherdError)
        log.error(
            "forwarder.ended", forwarder=delivery.name, reason=describe(error), exc_info=error if is_bug else None
        )


def build_warning_deliveries(
    forwarders: Mapping[str, Forwarder], journal: Journal, random: random.Random, guard: Guard | None = None
) -> Iterator[Delivery]:
    """Yield the delivery of official warnings to each forwarder that takes them.

    *guard* waits until changes may be delivered by this node of a cluster.
    """
    for name, forwarder in forwarders.items():
        if warning_forwarder := find_change_forwarder(forwarder, "connect_warnings"):
            if guard:
                warning_forwarder = guard_deliveries(warning_forwarder, guard)
            feed = WarningFeed(journal, replays=getattr(forwarder, "replays_warnings", True))
            yield Delivery(f"{name} warnings", warning_forwarder, feed, random)


def build_alert_deliveries(
    forwarders: Mapping[str, Forwarder], journal: Journal, random: random.Random
) -> Iterator[Delivery]:
    """Yield the delivery of alerts to each forwarder that takes them."""
    from weatherd.pipeline.forwarders.notices.alert_feed import AlertFeed  # noqa: PLC0415 - only if there are rules

    for name, forwarder in forwarders.items():
        if alert_forwarder := find_change_forwarder(forwarder, "connect_alerts"):
            yield Delivery(f"{name} alerts", alert_forwarder, AlertFeed(journal, replays=False), random)


@contextlib.asynccontextmanager
async def open_deliveries(
    forwarders: Mapping[str, Forwarder],
    journal: Journal,
    random: random.Random,
    notifications: Sequence[DeliveryTask] = (),
    *,
    has_warnings: bool = False,
    has_alerts: bool = False,
    guard_warnings: Guard | None = None,
) -> AsyncIterator[DeliveryGroup]:
    """Forward the journal to all destinations, and deliver *notifications* of alerts, inside the ``with``.

    With *has_warnings* and *has_alerts*, the forwarders that can do so deliver official warnings and alerts, too.
    """
    observations = ObservationFeed(journal)
    group = DeliveryGroup()
    group.add(Delivery(name, forwarder, observations, random) for name, forwarder in forwarders.items())
    group.add(build_warning_deliveries(forwarders, journal, random, guard_warnings) if has_warnings else ())
    group.add(build_alert_deliveries(forwarders, journal, random) if has_alerts else ())
    group.add(notifications)
    try:
        yield group
    finally:
        await group.stop()
