"""A far side of the test's own, and the engine that delivers to it, on virtual time."""

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


def arrivals(begin: int, end: int, city: City = KIEL) -> list[FetchedObservation]:
    """Return observations that are told from one another by their number, which is the temperature."""
    return [
        FetchedObservation(city, observation(city, temperature=float(n), observed_at=EPOCH + timedelta(minutes=n)))
        for n in range(begin, end)
    ]


def told() -> AbstractContextManager[Any]:
    """Capture what is logged for the user."""
    return capture_logs(processors=[_without_details])


def _without_details(_: object, level: str, event: EventDict) -> EventDict:
    if level == "debug":
        raise structlog.DropEvent
    return event


class Far:
    """Takes what it is given, unless it is down, slow, or dislikes it."""

    batch_size = 100

    def __init__(self) -> None:
        self.got: list[float] = []  # what it has taken, in order
        self.batches: list[list[float]] = []  # what it was given, taken or not
        self.keys: list[str] = []  # of the batches
        self.times: list[float] = []  # of the deliveries, in virtual seconds
        self.connections = 0
        self.down: Exception | None = None
        self.dislikes: set[float] = set()
        self.takes = 0.0
        self.dies_after = 0  # deliveries that are taken without an answer

    def is_down(self, error: Exception | None = None) -> None:
        """Refuse connections and deliveries from now on."""
        self.down = error or DeliveryError("nobody there")

    def is_up(self) -> None:
        """Be well again."""
        self.down = None

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Far]:
        """Take a connection."""
        self.connections += 1
        if self.down:
            raise self.down
        yield self

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:
        """Take a batch."""
        numbers = [each.temperature for each in batch]
        self.batches.append(numbers)
        self.keys.append(key)
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.takes)
        if self.down:
            raise self.down
        if not self.dislikes.isdisjoint(numbers):
            raise RejectedError("not that one")
        self.got += numbers
        if self.dies_after:
            self.dies_after -= 1
            raise DeliveryError("broke off")


@contextlib.asynccontextmanager
async def forwards(journal: VirtualJournal, **fars: Forwarder) -> AsyncIterator[DeliveryGroup]:
    """Forward a journal to these."""
    async with open_deliveries(fars, journal, random.Random(0)) as running:
        yield running


@contextlib.contextmanager
def journal(folder: Path) -> Iterator[VirtualJournal]:
    """Open a journal."""
    opened = VirtualJournal(folder / "weatherd.sqlite")
    try:
        yield opened
    finally:
        opened.store.close()
