"""The phases of an exchange with a server, for whoever asks why an answer took so long or never came."""

from __future__ import annotations

import asyncio
import contextlib
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@contextlib.contextmanager
def trailing() -> Iterator[list[Exchange]]:
    """Give the list that the exchanges inside the ``with`` are noted in."""
    exchanges: list[Exchange] = []
    token = _trail.set(exchanges)
    try:
        yield exchanges
    finally:
        _trail.reset(token)


def trail() -> list[Exchange]:
    """Return the list of whoever asks, to be carried along where somebody else asks for them."""
    found = _trail.get()
    return found if found is not None else []
