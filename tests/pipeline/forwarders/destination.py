"""A fake destination, and the engine that delivers to it on virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from structlog.testing import capture_logs

from tests.support.fakes import KIEL, VirtualJournal, observation
from tests.support.virtual_time import EPOCH
from weatherd.errors import DeliveryError, RejectedError
from weatherd.observation import FetchedObservation
from weatherd.pipeline.forwarders.group import DeliveryGroup, open_deliveries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from structlog.typing import EventDict

    from weatherd.city import City
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import Forwarder


def make_observations(begin: int, end: int, city: City = KIEL) -> list[FetchedObservation]:
    """Return observations whose temperatures are the numbers from *begin* to *end* - 1."""
    return [
        FetchedObservation(city, observation(city, temperature=float(n), observed_at=EPOCH + timedelta(minutes=n)))
        for n in range(begin, end)
    ]


def capture_warnings() -> AbstractContextManager[Any]:
    """Capture the log events above level debug."""
    return capture_logs(processors=[_without_details])


def _without_details(_: object, level: str, event: EventDict) -> EventDict:
    if level == "debug":
        raise structlog.DropEvent
    return event


class FakeDestination:
    """Accepts batches, unless it is down or slow, rejects an observation, or fails at one."""

    batch_size = 100

    def __init__(self) -> None:
        self.accepted: list[float] = []  # accepted temperatures, in order
        self.batches: list[list[float]] = []  # all batches, accepted or not
        self.keys: list[str] = []  # of the batches
        self.times: list[float] = []  # of the deliveries, in virtual seconds
        self.connections = 0
        self.down: Exception | None = None
        self.rejected: set[float] = set()
        self.poison: set[float] = set()  # temperatures to which it responds with an error that does not concern them
        self.delivery_seconds = 0.0  # seconds for a delivery
        self.lose_responses = 0  # deliveries that are accepted before the connection breaks

    def go_down(self, error: Exception | None = None) -> None:
        """Fail connections and deliveries from now on."""
        self.down = error or DeliveryError("connection refused")

    def come_up(self) -> None:
        """Accept connections and deliveries again."""
        self.down = None

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[FakeDestination]:
        """Accept a connection, unless it is down."""
        self.connections += 1
        if self.down:
            raise self.down
        yield self

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:
        """Accept a batch, unless it is down, rejects an observation, or fails at one."""
        numbers = [observation.temperature for observation in batch]
        self.batches.append(numbers)
        self.keys.append(key)
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.delivery_seconds)
        if self.down:
            raise self.down
        if not self.poison.isdisjoint(numbers):
            raise DeliveryError("HTTP status 500", batch_suspected=True)
        if not self.rejected.isdisjoint(numbers):
            raise RejectedError("not that one")
        self.accepted += numbers
        if self.lose_responses:
            self.lose_responses -= 1
            raise DeliveryError("connection lost")


@contextlib.asynccontextmanager
async def run_forwarders(journal: VirtualJournal, **forwarders: Forwarder) -> AsyncIterator[DeliveryGroup]:
    """Deliver a journal to the given forwarders."""
    async with open_deliveries(forwarders, journal, random.Random(0)) as running:
        yield running


@contextlib.contextmanager
def open_virtual_journal(folder: Path) -> Iterator[VirtualJournal]:
    """Open a journal on virtual time."""
    opened = VirtualJournal(folder / "weatherd.sqlite")
    try:
        yield opened
    finally:
        opened.store.close()
