"""Notice when a part of the pipeline makes no progress."""

from __future__ import annotations

import asyncio


class Heartbeat:
    """Tells whether the parts of the road that must never stand still do move."""

    def __init__(self) -> None:
        self._busy: dict[str, tuple[float, float]] = {}

    def begins(self, part: str, limit: float) -> None:
        """Note that a part has work now, which takes it *limit* seconds at the most."""
        self._busy[part] = asyncio.get_running_loop().time(), limit

    def ends(self, part: str) -> None:
        """Note that the work is done."""
        self._busy.pop(part, None)

    def stuck(self) -> list[str]:
        """Return the parts that are over their limit."""
        now = asyncio.get_running_loop().time()
        return [part for part, (since, limit) in self._busy.items() if now - since > limit]
