"""Traces of requests: the duration of each phase, for ``weatherd explain``."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class RequestTrace:
    """Trace of one request. Each phase maps to its end, in seconds since the start of the request."""

    __slots__ = ("_clock", "began", "date", "host", "phases", "status")

    def __init__(self, host: str, clock: Callable[[], float]) -> None:
        self.host = host  # with the port, if the URL has one
        self.began = clock()
        self.phases: dict[str, float] = {}  # dns, tls_begun, connected or reused, first_byte, done
        self.status: int | None = None  # None: no response
        self.date = ""  # the header ``Date`` of the response
        self._clock = clock  # the loop's time(); looking the loop up each time would cost a system call

    def restart(self) -> None:
        """Reset the phases and status after a redirect. Elapsed time still counts from the first request."""
        self.phases.clear()
        self.status = None

    def reached(self, phase: str) -> None:
        """Record the end of a phase."""
        self.phases[phase] = self._clock() - self.began


RequestTraces = tuple[RequestTrace, ...]

# A ContextVar, because the poll, which needs the traces, does not call the HTTP client itself: a plug-in's
# ``async fetch(city)`` is in between. It has no parameter for traces, and may send any number of requests.
_traces: ContextVar[RequestTraces | None] = ContextVar("request_traces", default=None)


def start_tracing() -> Token[RequestTraces | None]:
    """Start to collect the traces of this task's requests."""
    return _traces.set(())


def current_traces() -> RequestTraces:
    """Return the traces since :func:`start_tracing`."""
    return _traces.get() or ()


def stop_tracing(started: Token[RequestTraces | None]) -> RequestTraces:
    """Return the traces since :func:`start_tracing`, and stop collecting them."""
    traces = _traces.get() or ()
    _traces.reset(started)
    return traces


def add_traces(traces: RequestTraces) -> None:
    """Add traces if this task collects them. The cities of a batch share one tuple."""
    collected = _traces.get()
    if collected is not None:
        _traces.set(collected + traces)
