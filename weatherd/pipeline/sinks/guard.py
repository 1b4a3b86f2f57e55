"""Containment of a sink's failures: a timeout, a pause after a failure, one log line when it fails and recovers."""

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
_MAX_PAUSE = 60.0  # seconds


class GuardedSink:
    """A sink that never raises, and never blocks for longer than ``WRITE_TIMEOUT``."""

    def __init__(self, name: str, sink: Sink) -> None:
        self._name = name
        self._sink = sink
        self._failures = 0
        self._missed = 0  # observations since the sink went down
        self._retry_at = 0.0

    async def write(self, batch: Sequence[FetchedObservation]) -> None:
        """Write a batch, or count it as missed while the sink is paused after a failure."""
        if self._failures and asyncio.get_running_loop().time() < self._retry_at:
            self._missed += len(batch)
            return
        try:
            with contain():
                async with asyncio.timeout(WRITE_TIMEOUT):
                    await self._sink.write(batch)
        except asyncio.CancelledError:
            log.error("sink.down", sink=self._name, reason="cancelled during a write")
            raise
        except Exception as error:  # noqa: BLE001 - a sink may be a plug-in
            self._record_failure(error, len(batch))
        else:
            if self._failures:
                self._record_recovery()

    def _record_failure(self, error: Exception, missed: int) -> None:
        self._failures += 1
        self._missed += missed
        self._retry_at = asyncio.get_running_loop().time() + min(_MAX_PAUSE, 2.0 ** min(self._failures - 1, 10))
        if self._failures > 1:
            return
        is_bug = not isinstance(error, WeatherdError | OSError)
        reason = f"no write within {WRITE_TIMEOUT:g} s" if isinstance(error, TimeoutError) else describe(error)
        log.error("sink.down", sink=self._name, reason=reason, exc_info=error if is_bug else None)

    def _record_recovery(self) -> None:
        log.info("sink.recovered", sink=self._name, missed=self._missed)
        self._failures = self._missed = 0
