"""Fakes for both ends of the pipeline: providers, sinks and journals."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from tests.support.virtual_time import EPOCH, boot, now
from weatherd.city import City
from weatherd.errors import Failure, ProviderError
from weatherd.journal.journal import AsyncReader, Journal
from weatherd.journal.key_value import KeyValueStore
from weatherd.journal.reader import Reader
from weatherd.journal.store import Store
from weatherd.observation import FetchedObservation, Observation
from weatherd.providers import Resources
from weatherd.quota.limiter import RateLimiter
from weatherd.quota.plans import UNLIMITED
from weatherd.quota.usage import UsageMeter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from weatherd.http.session import Session
    from weatherd.journal.tables.alert_table import AlertRows
    from weatherd.pipeline.sinks import Sink
    from weatherd.providers import Provider
    from weatherd.quota.plans import Plan

T = TypeVar("T")

KIEL = City(name="Kiel", lat=54.305902, lon=10.123282, interval=600.0, providers=("fake",))
BERLIN = City(name="Berlin", lat=52.521021, lon=13.381268, interval=600.0, providers=("fake",))
MUNICH = City(name="München", lat=48.144049, lon=11.575928, interval=600.0, providers=("fake",))


def observation(city: City = KIEL, **values: object) -> Observation:
    """Return an observation of light rain at 6 °C, but for *values*."""
    plain = Observation(
        city=city.id,
        provider="fake",
        observed_at=EPOCH,
        fetched_at=EPOCH + timedelta(seconds=1),
        temperature=6.0,
        description="light rain",
        code=61,
    )
    return plain._replace(**values)  # type: ignore[arg-type]


def make_fetched(city: City = KIEL, **values: object) -> FetchedObservation:
    """Return such an observation as it is fetched for *city*."""
    return FetchedObservation(city, observation(city, **values))


def unavailable(reason: str = "out of order", retry_after: float | None = None) -> ProviderError:
    """Return the error of an unavailable service."""
    return ProviderError(reason, Failure.UNAVAILABLE, retry_after=retry_after)


def new_limiter(
    name: str = "fake", plan: Plan = UNLIMITED, concurrency: int = 10, now: Callable[[], datetime] = now
) -> RateLimiter:
    """Return a rate limiter, by default for a provider without limits."""
    return RateLimiter(UsageMeter(name, plan), concurrency, now, lambda: None, boot)


def new_key_values(namespace: str = "fake") -> KeyValueStore:
    """Return an empty key-value store that is never saved."""
    return KeyValueStore(namespace, lambda: None)


def resources(session: Session, now: Callable[[], datetime] = now, memory: KeyValueStore | None = None) -> Resources:
    """Return a provider's resources; *memory* may hold the entries of an earlier provider."""
    return Resources(session, new_limiter(now=now), memory or new_key_values(), now)


class FakeProvider:
    """Follows a script of responses and failures; the last step repeats for ever."""

    def __init__(self) -> None:
        self.requests: list[tuple[float, str]] = []  # loop time and city id
        self.returned: list[Observation] = []
        self._script: list[BaseException | float] = []

    def responds(self, *, after: float = 0.0, times: int = 1) -> FakeProvider:
        """Return an observation after *after* seconds."""
        self._script += [after] * times
        return self

    def fails(self, error: BaseException | None = None, times: int = 1) -> FakeProvider:
        """Raise *error*; by default that of an unavailable service."""
        self._script += [error or unavailable()] * times
        return self

    def hangs(self) -> FakeProvider:
        """Take a year to respond."""
        return self.responds(after=365 * 86400.0)

    def times(self, city: City) -> list[float]:
        """Return the loop times of the requests for a city."""
        return [when for when, asked in self.requests if asked == city.id]

    async def fetch(self, city: City) -> Observation:
        """Take the next step of the script."""
        self.requests.append((asyncio.get_running_loop().time(), city.id))
        step = self._script[0] if self._script else 0.0
        if len(self._script) > 1:
            self._script.pop(0)
        if isinstance(step, BaseException):
            raise step
        if step:
            await asyncio.sleep(step)
        given = observation(city, observed_at=now(), fetched_at=now())
        self.returned.append(given)
        return given


class FakeSink:
    """Records what it receives; may be slow, fail or hang."""

    def __init__(self, *, takes: float = 0.0) -> None:
        self.received: list[FetchedObservation] = []
        self.batches: list[int] = []
        self.times: list[float] = []  # of the batches, in virtual seconds
        self._takes = takes
        self._failures: list[BaseException] = []

    def fails(self, error: BaseException, times: int = 1) -> FakeSink:
        """Raise *error* at the next *times* writes."""
        self._failures += [error] * times
        return self

    async def write(self, batch: Sequence[FetchedObservation]) -> None:
        """Record a batch."""
        if self._takes:
            await asyncio.sleep(self._takes)
        if self._failures:
            raise self._failures.pop(0)
        self.batches.append(len(batch))
        self.times.append(asyncio.get_running_loop().time())
        self.received += batch

    @property
    def observations(self) -> list[Observation]:
        """Return the received observations, in order."""
        return [arrived.observation for arrived in self.received]


class InlineWorker:
    """Runs a worker thread's calls without a thread, which would take no virtual time anyway."""

    async def run(self, call: Callable[[], T]) -> T:
        """Return what *call* returns."""
        return call()


class VirtualJournal(Journal):
    """A journal without threads, for virtual time, that can be made to fail."""

    def __init__(self, file: Path) -> None:
        self.store = Store(file)
        self._failures: list[Exception] = []
        super().__init__(file, self.store, InlineWorker())

    def fails(self, error: Exception, times: int = 1) -> VirtualJournal:
        """Raise *error* at the next *times* additions."""
        self._failures += [error] * times
        return self

    def recovers(self) -> None:
        """Stop failing."""
        self._failures.clear()

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    async def add(self, batch: Sequence[FetchedObservation], alerts: AlertRows | None = None) -> int:
        """Store a batch, or fail."""
        if self._failures:
            raise self._failures.pop(0)
        return await super().add(batch, alerts)

    @contextlib.asynccontextmanager
    async def open_reader(self) -> AsyncIterator[AsyncReader]:
        """Open the file a second time."""
        with contextlib.closing(Reader(self.file)) as reader:
            yield AsyncReader(reader, InlineWorker())


class FakeJournal(Journal):
    """Keeps observations in memory and recognizes repeats."""

    def __init__(self) -> None:
        self.last_seq = 0
        self.unmigrated = 0
        self.kept: dict[object, Observation] = {}

    async def add(self, batch: Sequence[FetchedObservation], alerts: AlertRows | None = None) -> int:
        """Store a batch; return how many observations were new."""
        del alerts
        stored = 0
        for new in (fetched.observation for fetched in batch):
            identity = new.city, new.provider, new.station, new.observed_at
            before = self.kept.get(identity)
            stored += before is None or not new.repeats(before)
            self.kept[identity] = new
        return stored

    async def witnessed_time(self, now: float) -> float:
        """Trust the clock."""
        return now

    async def prune(self, *_: object) -> dict[str, int]:
        """Delete nothing."""
        return {}

    async def store_days(self, *_: object) -> int:
        """Store nothing, because readers compute days."""
        return 0

    async def move_old_entries(self) -> None:
        """Move nothing, because nothing is of an older version."""


_: type[Provider] = FakeProvider
__: type[Sink] = FakeSink
