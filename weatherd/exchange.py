"""The phases of an exchange with a server, for whoever asks why an answer took so long or never came."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Exchange:
    """One question to a server. The phases hold seconds since its beginning, in their order."""

    host: str
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    phases: dict[str, float] = field(default_factory=dict)  # dns, tls_begun, connected or reused, first_byte, done
    status: int | None = None  # None: there was no answer

    def reached(self, phase: str) -> None:
        """Note that a phase is over."""
        self.phases[phase] = asyncio.get_running_loop().time() - self.began


_trail: ContextVar[list[Exchange] | None] = ContextVar("trail", default=None)


def begin_trail() -> list[Exchange]:
    """Return the list that this task's exchanges are noted in from now on."""
    exchanges: list[Exchange] = []
    _trail.set(exchanges)
    return exchanges


def trail() -> list[Exchange]:
    """Return the list of whoever asks, to be carried along where somebody else asks for them."""
    found = _trail.get()
    return found if found is not None else []
