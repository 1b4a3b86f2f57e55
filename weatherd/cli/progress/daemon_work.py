"""Progress of the running daemon's long work, on a terminal: first polls, migration of the journal, forwarders."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from weatherd.cli.progress.footer import TerminalFooter
from weatherd.daemon.status import CityState
from weatherd.text.duration import format_duration
from weatherd.worker_thread import WorkerThread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus

_MIN_LEFT = 100  # cities or observations; fewer are done in a moment
_DELAY = 1.0  # seconds after which a work counts as long
_PERIOD = 0.5  # seconds between two updates
_COST_RATIO = 10  # the counting of 200,000 cities may take a tenth of the time
_BAR_WIDTH = 40
_MIN_BAR_WIDTH = 5


class Work(NamedTuple):
    """A work in progress: how much of *total* is done, *seconds* after it was first seen."""

    label: str
    done: int
    total: int
    seconds: float


class WorkFinder:
    """Finds the long work of a daemon. Its total is the most that was left of it at any time."""

    def __init__(self, status: DaemonStatus, clock: Callable[[], float] = time.monotonic) -> None:
        self._status = status
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}  # total, and time of the first sight, by label
        self._polled: Sequence[City] | None = None  # the list of which every city has been polled

    async def find(self) -> list[Work]:
        """Return the work in progress."""
        now = self._clock()
        left = {label: count for label, count in (await self._count_left()).items() if count >= _MIN_LEFT}
        before = self._seen
        self._seen = {
            label: (max(count, before.get(label, (0, now))[0]), before.get(label, (0, now))[1])
            for label, count in left.items()
        }
        return [Work(label, total - left[label], total, now - begin) for label, (total, begin) in self._seen.items()]

    async def _count_left(self) -> dict[str, int]:
        """Return how much is left of each work. Observations for an unavailable destination only wait."""
        deliveries = self._status.deliveries.statuses().items()
        return {
            "first polls": await self._count_unpolled(),
            "upgrading the journal": self._status.journal.unmigrated,
            **{f"forwarding to {name}": 0 if delivery.is_down else delivery.behind for name, delivery in deliveries},
        }

    async def _count_unpolled(self) -> int:
        """Return the number of cities that wait for their first poll; a restart reads the others from the journal."""
        cities = self._status.cities
        if cities is self._polled or len(cities) < _MIN_LEFT:
            return 0
        waiting = (await self._status.count_states())[CityState.WAITING]
        if waiting < _MIN_LEFT:
            self._polled = cities
        return waiting


def format_work(works: Sequence[Work], width: int, bar: str = "━─") -> str:
    """Return a line of at most *width* cells: ``first polls ━━━━──── 1,200/20,000, 2m left``."""
    return "   ".join(_format_one(work, (width + 3) // len(works) - 3, bar) for work in works)[:width]


def _format_one(work: Work, width: int, bar: str) -> str:
    seconds = work.seconds * (work.total - work.done) / work.done if work.done else 0.0
    rest = f" {work.done:,}/{work.total:,}" + (f", {format_duration(round(seconds))} left" if work.done else "")
    size = min(_BAR_WIDTH, width - len(work.label) - len(rest) - 1)
    filled = size * work.done // work.total
    line = " " + bar[0] * filled + bar[1] * (size - filled) if size >= _MIN_BAR_WIDTH else ""
    return f"{work.label}{line}{rest}"[: max(0, width)]


def is_capable_terminal() -> bool:
    """Return whether standard error is a terminal with a scrolling region."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


@contextlib.asynccontextmanager
async def show_daemon_progress(status: DaemonStatus, stop: asyncio.Event) -> AsyncIterator[None]:
    """Show the daemon's long work in the last row of the terminal, until *stop*.

    A thread writes it, because a stopped terminal must not stop the daemon.
    """
    with WorkerThread("progress") as worker:
        task = asyncio.create_task(_refresh(WorkFinder(status), worker, stop), name="show progress")
        try:
            yield
        finally:
            task.cancel()


async def _refresh(finder: WorkFinder, worker: WorkerThread, stop: asyncio.Event) -> None:
    footer = TerminalFooter(sys.stderr.fileno())
    bar = "━─" if "utf" in (sys.stderr.encoding or "").lower() else "#-"
    while not stop.is_set():
        begin = time.monotonic()
        works = [work for work in await finder.find() if work.seconds >= _DELAY]
        period = max(_PERIOD, _COST_RATIO * (time.monotonic() - begin))
        update = functools.partial(footer.show, functools.partial(format_work, works, bar=bar))
        with contextlib.suppress(OSError):  # the terminal was closed
            await worker.run(update if works else footer.remove)
        await _wait(stop, period)
    with contextlib.suppress(OSError):
        await worker.run(footer.remove)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, at most that long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
