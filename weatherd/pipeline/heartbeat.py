"""Detection of parts of the pipeline that make no progress."""

from __future__ import annotations

import asyncio


class Heartbeat:
    """The parts that are working now, each with its time limit."""

    def __init__(self) -> None:
        self._busy: dict[str, tuple[float, float]] = {}  # start and limit, by part

    def busy(self, part: str, limit: float) -> None:
        """Record that *part* starts work that must end within *limit* seconds."""
        self._busy[part] = asyncio.get_running_loop().time(), limit

    def idle(self, part: str) -> None:
        """Record that *part* has finished its work."""
        self._busy.pop(part, None)

    def stalled(self) -> list[str]:
        """Return the names of the parts that exceed their limit."""
        now = asyncio.get_running_loop().time()
        return [part for part, (start, limit) in self._busy.items() if now - start > limit]
