"""A daemon that is restarted on one virtual loop, with the same state and against the same simulator."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.daemon import make_latest, make_parts
from tests.support.fakes import VirtualJournal
from weatherd.config.loader import Configuration
from weatherd.daemon.lifecycle import run_daemon
from weatherd.daemon.wiring import open_providers
from weatherd.journal.provider_state import ProviderState
from weatherd.polling.rhythm.rhythms import Rhythms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.observation import FetchedObservation


class Counting:
    """A sink that counts observations, and measures the longest gap without a fresh one for each city."""

    def __init__(self) -> None:
        self.fresh = self.stale = 0
        self.providers: dict[str, int] = {}
        self.gaps: dict[str, float] = {}  # the longest of each city, in seconds
        self._last: dict[str, float] = {}

    async def write(self, batch: Sequence[FetchedObservation]) -> None:
        """Count a batch."""
        now = asyncio.get_running_loop().time()
        for arrival in batch:
            city = arrival.city.id
            self.stale += arrival.stale
            self.fresh += not arrival.stale
            provider = arrival.observation.provider
            self.providers[provider] = self.providers.get(provider, 0) + 1
            if not arrival.stale:
                self.gaps[city] = max(self.gaps.get(city, 0.0), now - self._last.get(city, now))
                self._last[city] = now


class Outages:
    """Outages of the simulated services: a gateway's error, or no response at all."""

    def __init__(self) -> None:
        self.spans: list[tuple[float, float, str]] = []  # loop times, and what happens between them
        self.struck = 0

    def add(self, begin: float, end: float, kind: str = "502") -> None:
        """Add an outage of *kind* ``502`` or ``hang``, in loop time."""
        self.spans.append((begin, end, kind))

    @property
    def middleware(self) -> Any:
        """Return the middleware for the simulator."""

        @web.middleware
        async def strike(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            now = asyncio.get_running_loop().time()
            kind = next((kind for begin, end, kind in self.spans if begin <= now < end), None)
            if kind is None:
                return await handler(request)
            self.struck += 1
            if kind == "hang":
                await asyncio.get_running_loop().create_future()
            return web.Response(status=502, text="<html>502</html>", content_type="text/html")

        return strike


@dataclass
class Lives:
    """What all runs of the daemon share."""

    settings: Settings
    cities: Sequence[City]
    file: Path  # of the state
    sink: Counting = field(default_factory=Counting)
    logs: list[Any] = field(default_factory=list)
    has_past: bool = False  # whether gaps are filled

    async def live(self, seconds: float, *, killed: bool = False) -> None:
        """Run for the given seconds. A killed daemon saves nothing at its end."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as stack:
            journal = VirtualJournal(self.file)
            stack.callback(journal.store.close)
            state = await stack.enter_async_context(self._state(journal, killed=killed))
            providers = await stack.enter_async_context(
                open_providers(self.settings, virtual_time.now, state, boot=virtual_time.boot)
            )
            with capture_logs(processors=[merge_contextvars]) as logs:
                parts = make_parts(
                    Configuration(Path("weatherd.yaml"), self.settings, tuple(self.cities), ()),
                    providers.usable,
                    sinks={"sink": self.sink},
                    journal=journal,
                    planner=providers.planner,
                    rhythms=Rhythms(providers.planner, state.key_values("rhythms")),
                    latest=make_latest(saved=state.latest),
                    random=random.Random(loop.time()),
                    pasts=providers.pasts if self.has_past else {},
                    limiters=providers.limiters if self.has_past else {},
                )
                task = loop.create_task(run_daemon(parts, stop=stop, reload=asyncio.Event()))
                await asyncio.sleep(seconds)
                if killed:
                    task.cancel()
                stop.set()
                await asyncio.wait([task])
            self.logs += [event for event in logs if event["event"] not in ("observation", "provider.failed")]

    def events(self, name: str) -> list[Any]:
        """Return the events of that name in all runs."""
        return [event for event in self.logs if event["event"] == name]

    @contextlib.asynccontextmanager
    async def _state(self, journal: VirtualJournal, *, killed: bool) -> AsyncIterator[ProviderState]:
        state = ProviderState(journal.store.load(virtual_time.now().timestamp()), journal, virtual_time.now)
        try:
            yield state
            if not killed:
                await state.aclose()
        finally:
            state.cancel()
