"""Limit of wrong tokens: a client that guesses has to wait, one that knows its token does not."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PERIOD = 900.0  # seconds for which a wrong token counts
MAX_WRONG_TOKENS = 5  # wrong tokens in a period, after which a form is rejected
_CLIENTS = 1000  # that are remembered; the ones that failed last
_PAUSE = 1.0  # seconds between two tokens of a client with too many wrong ones
_QUEUE = 10  # tokens of such a client that wait; more are rejected


class TokenThrottle:
    """The wrong tokens of each client, by its address. *now* is a monotonic time in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failures: dict[str, deque[float]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}

    def record_failure(self, client: str) -> None:
        """Count a wrong token."""
        failures = self._failures.pop(client, deque[float](maxlen=MAX_WRONG_TOKENS))
        failures.append(self._now())
        self._failures[client] = failures
        while len(self._failures) > _CLIENTS:
            del self._failures[next(iter(self._failures))]

    def tries_left(self, client: str) -> int:
        """Return how many wrong tokens a client may still send."""
        return MAX_WRONG_TOKENS - len(self._recent(client))

    def blocked_seconds(self, client: str) -> float:
        """Return for how long a client may not try again; 0 if it may."""
        recent = self._recent(client)
        return recent[0] + PERIOD - self._now() if len(recent) >= MAX_WRONG_TOKENS else 0.0

    def _recent(self, client: str) -> deque[float]:
        failures = self._failures.get(client, deque())
        while failures and self._now() - failures[0] >= PERIOD:
            failures.popleft()
        return failures

    async def wait_for_turn(self, client: str) -> bool:
        """Wait until a token of a client may be compared; return False if too many are waiting.

        The right token waits, too: otherwise its quick response would be a way to guess at full speed.
        """
        if not self.blocked_seconds(client):
            return True
        if self._waiting.get(client, 0) >= _QUEUE:
            return False
        self._waiting[client] = self._waiting.get(client, 0) + 1
        try:
            async with self._turns.setdefault(client, asyncio.Lock()):
                await asyncio.sleep(_PAUSE)
        finally:
            self._waiting[client] -= 1
            if not self._waiting[client]:
                del self._waiting[client], self._turns[client]
        return True
