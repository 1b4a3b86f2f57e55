"""All configured forwarders, each with a task of its own."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog

from weatherd.errors import WeatherdError, describe
from weatherd.pipeline.forwarders.engine import Delivery
from weatherd.pipeline.forwarders.feeds import ObservationFeed, WarningFeed
from weatherd.pipeline.forwarders.official_warnings import find_change_forwarder

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Mapping, Sequence

    from weatherd.journal.journal import Journal
    from weatherd.pipeline.forwarders import Forwarder
    from weatherd.pipeline.forwarders.engine import Progress

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

    def __init__(self, deliveries: Sequence[DeliveryTask]) -> None:
        self._deliveries = deliveries
        self._tasks: list[asyncio.Task[None]] = []

    def statuses(self) -> dict[str, DeliveryStatus]:
        """Return the status of each delivery by forwarder."""
        return {
            delivery.name: DeliveryStatus(
                behind=delivery.behind, held=delivery.held, **dataclasses.asdict(delivery.progress)
            )
            for delivery in self._deliveries
        }

    def start(self) -> None:
        """Start a task for each delivery."""
        self._tasks = [
            asyncio.create_task(_run_contained(delivery), name=f"forward to {delivery.name}")
            for delivery in self._deliveries
        ]

    async def drain(self, deadline: float) -> None:
        """Deliver the rest until *deadline*, a loop time; later entries stay in the journal."""
        for delivery in self._deliveries:
            delivery.drain()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))

    async def stop(self) -> None:
        """Cancel all tasks and wait for them."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _run_contained(delivery: DeliveryTask) -> None:
    """Run a delivery; an unexpected error is logged and ends only this delivery."""
    try:
        await delivery.run()
    except Exception as error:
        is_bug = not isinstance(error, WeatherdError)
        log.error(
            "forwarder.ended", forwarder=delivery.name, reason=describe(error), exc_info=error if is_bug else None
        )


@contextlib.asynccontextmanager
async def open_deliveries(
    forwarders: Mapping[str, Forwarder],
    journal: Journal,
    random: random.Random,
    notifications: Sequence[DeliveryTask] = (),
    *,
    has_warnings: bool = False,
) -> AsyncIterator[DeliveryGroup]:
    """Forward the journal to all destinations, and deliver *notifications* of alerts, inside the ``with``.

    With *has_warnings*, the forwarders that can do so deliver official warnings, too.
    """
    observations = ObservationFeed(journal)
    deliveries = [Delivery(name, forwarder, observations, random) for name, forwarder in forwarders.items()]
    for name, forwarder in forwarders.items() if has_warnings else ():
        if warning_forwarder := find_change_forwarder(forwarder, "connect_warnings"):
            feed = WarningFeed(journal, replays=getattr(forwarder, "replays_warnings", True))
            deliveries.append(Delivery(f"{name} warnings", warning_forwarder, feed, random))
    group = DeliveryGroup([*deliveries, *notifications])
    group.start()
    try:
        yield group
    finally:
        await group.stop()
