"""A journal and the engine on real time, for destinations that are real servers."""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from tests.support.fakes import BERLIN, KIEL, new_key_values, observation
from tests.support.servers import Postgres, running
from weatherd.config.settings import Settings
from weatherd.http.session import open_session
from weatherd.journal.journal import open_journal
from weatherd.journal.tables.warning_table import SavedChange
from weatherd.observation import FetchedObservation
from weatherd.pipeline.forwarders import ForwarderResources
from weatherd.pipeline.forwarders.group import open_deliveries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from weatherd.city import City
    from weatherd.journal.journal import Journal
    from weatherd.observation import Observation
    from weatherd.official_warning import OfficialWarning
    from weatherd.pipeline.forwarders.group import DeliveryGroup

PATIENCE = 60.0  # seconds after which a test gives up


class ShortBackoff(random.Random):
    """A random generator that makes every back-off as short as possible."""

    def random(self) -> float:
        """Return almost 1."""
        return 0.99


class DeliveryHarness:
    """A journal, and a forwarder that can be started and stopped."""

    def __init__(self, journal: Journal, resources: ForwarderResources) -> None:
        self.journal = journal
        self.resources = resources
        self.cities: tuple[City, ...] = (KIEL, BERLIN)
        self.begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self.added = 0
        self.latest: dict[str, Observation] = {}  # of each city, as the daemon knows it
        self.has_warnings = self.has_alerts = False

    async def add_observations(self, count: int, city: City = KIEL, **values: Any) -> None:
        """Add observations of the last hour, each one millisecond later and one degree warmer than the previous."""
        batch = []
        for number in range(self.added, self.added + count):
            moment = self.begin + timedelta(milliseconds=number)
            fields = {"temperature": float(number), "observed_at": moment, "fetched_at": moment} | values
            batch.append(FetchedObservation(city, observation(city, **fields)))
        self.latest[city.id] = batch[-1].observation
        for start in range(0, count, 500):
            await self.journal.add(batch[start : start + 500])
        self.added += count

    async def add_change(self, kind: str, warning: OfficialWarning, city: City = KIEL, reason: str = "") -> None:
        """Add a change of an official warning, each a second later than the previous."""
        self.has_warnings = True
        last = self.journal.warning_seq
        change = SavedChange(self.begin + timedelta(seconds=last), city.id, kind, reason, warning)
        self.journal.warning_seq = await self.journal.call(lambda store: store.warnings.save([], [], [change], last))

    @contextlib.asynccontextmanager
    async def run_forwarder(self, open_forwarder: Any, **section: Any) -> AsyncIterator[DeliveryGroup]:
        """Run a forwarder with a section of settings."""
        forwarder = open_forwarder(Settings(**section), self.resources)
        async with open_deliveries(
            {"destination": forwarder},
            self.journal,
            ShortBackoff(),
            has_warnings=self.has_warnings,
            has_alerts=self.has_alerts,
        ) as running:
            yield running
            await running.drain(asyncio.get_running_loop().time() + 1.0)


@contextlib.asynccontextmanager
async def open_harness(folder: Path) -> AsyncIterator[DeliveryHarness]:
    """Open a journal, with the log's output discarded."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    async with open_journal(folder) as journal, open_session("weatherd/test") as session:
        harness = DeliveryHarness(
            journal,
            ForwarderResources(
                session,
                new_key_values("destination"),
                lambda: harness.cities,
                lambda: datetime.now(UTC),
                latest=lambda city_id: harness.latest.get(city_id),  # noqa: PLW0108 - the harness does not exist yet
                find_city=lambda city_id: next((city for city in harness.cities if city.id == city_id), None),
            ),
        )
        yield harness


async def wait_until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition is true."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - it is another process that changes
            await asyncio.sleep(0.05)


async def is_logged(logs: list[Any], event: str) -> bool:
    """Return whether an event was logged."""
    return any(log["event"] == event for log in logs)


async def is_caught_up(deliveries: DeliveryGroup) -> bool:
    """Return whether everything was delivered."""
    return not deliveries.statuses()["destination"].behind


async def is_caught_up_with_warnings(deliveries: DeliveryGroup) -> bool:
    """Return whether all changes of official warnings were delivered."""
    return not deliveries.statuses()["destination warnings"].behind


async def is_delivered(deliveries: DeliveryGroup, count: int) -> bool:
    """Return whether *count* observations were delivered."""
    return deliveries.statuses()["destination"].delivered == count


@contextlib.asynccontextmanager
async def run_postgres(folder: Path) -> AsyncIterator[tuple[DeliveryHarness, Postgres]]:
    """Run a server, and yield it and a harness."""
    server = Postgres()
    async with running(server), open_harness(folder / "state") as harness:
        yield harness, server
