"""Traces of requests: how long each phase took, for ``weatherd explain``."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class RequestTrace:
    """One request. Each phase has the seconds from the start of the request to the end of the phase, in their order."""

    __slots__ = ("_clock", "began", "host", "phases", "status")

    def __init__(self, host: str, clock: Callable[[], float]) -> None:
        self.host = host  # and the port, if the URL has one
        self.began = clock()
        self.phases: dict[str, float] = {}  # dns, tls_begun, connected or reused, first_byte, done
        self.status: int | None = None  # None: there was no response
        self._clock = clock  # the loop's time(); asking asyncio for the loop each time costs a system call

    def restart(self) -> None:
        """Forget the phases and the status of a request that was redirected; its time counts."""
        self.phases.clear()
        self.status = None

    def reached(self, phase: str) -> None:
        """Record that a phase is over."""
        self.phases[phase] = self._clock() - self.began


RequestTraces = tuple[RequestTrace, ...]

# A ContextVar, because a plug-in's ``async fetch(city)`` stands between the poll, which wants the traces, and the
# requests: it has no parameter for them, and may send any number.
_traces: ContextVar[RequestTraces | None] = ContextVar("request_traces", default=None)


def start_tracing() -> Token[RequestTraces | None]:
    """Collect the traces of this task's requests from now on."""
    return _traces.set(())


def stop_tracing(started: Token[RequestTraces | None]) -> RequestTraces:
    """Return the traces since tracing was started, and collect no more."""
    traces = _traces.get() or ()
    _traces.reset(started)
    return traces


def add_traces(traces: RequestTraces) -> None:
    """Add traces if this task collects them; a request for several cities is one tuple that they share."""
    collected = _traces.get()
    if collected is not None:
        _traces.set(collected + traces)
