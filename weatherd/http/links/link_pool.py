"""The links to one server."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Any

from weatherd.http.links.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from weatherd.http.links.link_connector import LinkConnector
    from weatherd.http.plain_urls import Address
    from weatherd.http.polling import PendingResponse
    from weatherd.http.response import Response

    Follow = Callable[[PendingResponse, str, str], Coroutine[Any, Any, Response]]

_SWEEP_INTERVAL = 1.0  # seconds; deadlines expire up to this late


class LinkPool:
    """The open connections to the server of *address*; the caller limits their number by that of its requests.

    *follow* returns the response to a request that is redirected to a location, by the server with an IP address.
    Once a second all connections are checked for deadlines, and for being idle for *keep_alive* seconds.
    """

    def __init__(self, connector: LinkConnector, address: Address, follow: Follow, keep_alive: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._connector = connector
        self._address = address
        self._follow = follow
        self._keep_alive = keep_alive
        self._links: set[Link] = set()
        self._idle: dict[Link, None] = {}  # ordered by the end of their last request
        self._tasks: dict[asyncio.Task[Response | None], PendingResponse] = {}
        self._timer: asyncio.TimerHandle | None = None

    def send(self, pending: PendingResponse) -> None:
        """Send a request on the connection that was used last, or on a new one."""
        while self._idle:
            link, _ = self._idle.popitem()
            if link.idle_until > pending.trace.began:
                link.reuse(pending)
                return
            link.close()
        self.connect(pending)

    def connect(self, pending: PendingResponse) -> None:
        """Send a request on a new connection."""
        self._run(pending, self._connector.connect(self._address, pending.trace, lambda: Link(self, pending)))

    def redirect(self, pending: PendingResponse, location: str, peer: str) -> None:
        """Send a request to another location, because the server with the IP address *peer* redirects it."""
        self._run(pending, self._follow(pending, location, peer))

    def add(self, link: Link) -> None:
        """Add a new connection."""
        self._links.add(link)

    def keep(self, link: Link, now: float) -> None:
        """Keep a connection for another request; it is idle from *now* on, in seconds of the loop's clock."""
        link.idle_until = now + self._keep_alive
        self._idle[link] = None

    def retire(self, link: Link) -> None:
        """Do not use a connection again, because it is going to be closed."""
        self._idle.pop(link, None)

    def discard(self, link: Link) -> None:
        """Remove a closed connection."""
        self.retire(link)
        self._links.discard(link)

    async def aclose(self) -> None:
        """Cancel all requests and close all connections."""
        if self._timer:
            self._timer.cancel()
        closing = [*self._tasks, *(link.closed for link in self._links)]
        for pending in self._find_pending():
            pending.cancel()
        for link in tuple(self._links):
            link.cancel()
        if closing:
            await asyncio.wait(closing)

    def _run(self, pending: PendingResponse, coroutine: Coroutine[Any, Any, Response | None]) -> None:
        """Run a coroutine for a request; in an empty context, because the connection keeps its context alive."""
        task = self._loop.create_task(coroutine, context=Context(), name="link")
        pending.carrier = task
        self._tasks[task] = pending
        task.add_done_callback(self._end_task)
        self._ensure_timer()

    def _end_task(self, task: asyncio.Task[Response | None]) -> None:
        pending = self._tasks.pop(task)
        if pending.carrier is task:
            pending.carrier = None  # because the traceback of its error refers to the request
        if task.cancelled():
            pending.cancel()
        elif error := task.exception():
            pending.fail(error)
        elif (response := task.result()) and not pending.done():
            pending.trace.reached("done")
            pending.set_result(response)

    def _ensure_timer(self) -> None:
        if not self._timer and (self._links or self._tasks):
            self._timer = self._loop.call_later(_SWEEP_INTERVAL, self._sweep, context=Context())

    def _sweep(self) -> None:
        self._timer = None
        self._ensure_timer()  # first, because no deadline would expire any more if an error ended this check
        now = self._loop.time()
        for link in tuple(self._idle):
            if link.idle_until <= now:
                link.close()
        for pending in self._find_pending():
            if pending.deadline <= now:
                pending.expire()

    def _find_pending(self) -> list[PendingResponse]:
        return [*self._tasks.values(), *(link.pending for link in self._links if link.pending)]
