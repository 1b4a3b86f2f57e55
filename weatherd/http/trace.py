"""The phases of an exchange with a server, for whoever asks why an answer took so long or never came."""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class RequestTrace:
    """One question to a server. The phases hold seconds since its beginning, in their order."""

    host: str
    clock: Callable[[], float]  # the loop's; to ask for the loop each time would be to ask the kernel for the process
    began: float = field(init=False)
    phases: dict[str, float] = field(default_factory=dict)  # dns, tls_begun, connected or reused, first_byte, done
    status: int | None = None  # None: there was no answer

    def __post_init__(self) -> None:
        self.began = self.clock()

    def begins_again(self) -> None:
        """Forget what another server was asked, which sent us on; its time counts."""
        self.phases.clear()
        self.status = None

    def reached(self, phase: str) -> None:
        """Note that a phase is over."""
        self.phases[phase] = self.clock() - self.began


RequestTraces = tuple[RequestTrace, ...]
_trail: ContextVar[RequestTraces | None] = ContextVar("trail", default=None)


def start_tracing() -> Token[RequestTraces | None]:
    """Note this task's exchanges from now on."""
    return _trail.set(())


def stop_tracing(begun: Token[RequestTraces | None]) -> RequestTraces:
    """Return the exchanges since the trail was begun, and note no more."""
    exchanges = _trail.get() or ()
    _trail.reset(begun)
    return exchanges


def add_traces(exchanges: RequestTraces) -> None:
    """Note exchanges if this task has begun a trail; those that were for several cities are one tuple for all."""
    before = _trail.get()
    if before is not None:
        _trail.set(before + exchanges)
