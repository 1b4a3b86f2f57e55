"""A sink with its troubles kept to itself: a deadline, a rest after a failure, one line when it begins and ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import WeatherdError, describe
from weatherd.plugins import contain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.observation import FetchedObservation
    from weatherd.pipeline.sinks import Sink

log = structlog.get_logger()

WRITE_TIMEOUT = 30.0  # seconds for one write
_LONGEST_REST = 60.0


class GuardedSink:
    """What the consumer writes to: a sink that never raises and never blocks for longer than its deadline."""

    def __init__(self, name: str, sink: Sink) -> None:
        self._name = name
        self._sink = sink
        self._failures = 0
        self._missed = 0  # arrivals that this sink did not get since it is down
        self._retry_at = 0.0

    async def write(self, batch: Sequence[FetchedObservation]) -> None:
        """Write a batch, or count it as missed while the sink rests."""
        if self._failures and asyncio.get_running_loop().time() < self._retry_at:
            self._missed += len(batch)
            return
        try:
            with contain():
                async with asyncio.timeout(WRITE_TIMEOUT):
                    await self._sink.write(batch)
        except asyncio.CancelledError:
            log.error("sink.down", sink=self._name, reason="abandoned in the middle of a write")
            raise
        except Exception as error:  # noqa: BLE001 - a sink may be somebody else's code
            self._down(error, len(batch))
        else:
            self._up()

    def _down(self, error: Exception, missed: int) -> None:
        self._failures += 1
        self._missed += missed
        self._retry_at = asyncio.get_running_loop().time() + min(_LONGEST_REST, 2.0 ** min(self._failures - 1, 10))
        if self._failures > 1:
            return
        is_bug = not isinstance(error, WeatherdError | OSError)
        reason = f"no write within {WRITE_TIMEOUT:g} s" if isinstance(error, TimeoutError) else describe(error)
        log.error("sink.down", sink=self._name, reason=reason, exc_info=error if is_bug else None)

    def _up(self) -> None:
        if self._failures:
            log.info("sink.recovered", sink=self._name, missed=self._missed)
        self._failures = self._missed = 0
