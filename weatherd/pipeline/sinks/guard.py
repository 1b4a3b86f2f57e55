"""Isolation of a sink: a bounded queue and a task of its own, a timeout, and a pause after a failure."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import WeatherdError, describe
from weatherd.pipeline.batch_buffer import BatchBuffer
from weatherd.plugins import contain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.observation import FetchedObservation
    from weatherd.pipeline.sinks import Sink

log = structlog.get_logger()

WRITE_TIMEOUT = 30.0  # seconds for one write
# Observations. A loop that is busy with a long list, or with its stop, lets several 10,000 arrive between two writes
QUEUE_LIMIT = 100_000
_WRITE_LIMIT = 10_000  # observations in one write
_MAX_PAUSE = 60.0  # seconds


class GuardedSink:
    """A sink that nothing waits for. What it cannot take is counted as missed; a write takes at most ``WRITE_TIMEOUT``.

    One log line marks the begin of an outage and one its end.
    """

    def __init__(self, name: str, sink: Sink) -> None:
        self.name = name
        self.missed = 0  # observations since the start
        self.is_down = False
        self._sink = sink
        self._buffer = BatchBuffer()
        self._failures = 0  # in a row
        self._retry_at = 0.0
        self._missed_before = 0  # observations, until the current outage

    def submit(self, batch: Sequence[FetchedObservation]) -> None:
        """Submit a batch; never waits. If the queue has no room for it, the sink misses it."""
        if len(self._buffer) + len(batch) > QUEUE_LIMIT:
            self._report_down(f"{len(self._buffer)} observations wait for it, and later ones are not queued")
            self.missed += len(batch)
            return
        self._buffer.add(batch)

    def close(self) -> None:
        """End :meth:`run` once all submitted batches are written or missed."""
        self._buffer.close()

    async def run(self) -> None:
        """Write the submitted observations until the close. Never raises an error of the sink."""
        while batch := await self._buffer.take(_WRITE_LIMIT):
            await self._write(batch)

    async def _write(self, batch: Sequence[FetchedObservation]) -> None:
        """Write a batch, or count it as missed while the sink is paused after a failure."""
        if self._failures and asyncio.get_running_loop().time() < self._retry_at:
            self.missed += len(batch)
            return
        try:
            with contain():
                async with asyncio.timeout(WRITE_TIMEOUT):
                    await self._sink.write(batch)
        except asyncio.CancelledError:
            missed = len(batch) + len(self._buffer)
            self.missed += missed
            log.error("sink.down", sink=self.name, reason="cancelled during a write", missed=missed)
            raise
        except Exception as error:  # noqa: BLE001 - a sink may be a plug-in
            self._record_failure(error, len(batch))
        else:
            self._failures = 0
            if self.is_down and not self._buffer:
                self._report_recovery()

    def _record_failure(self, error: Exception, missed: int) -> None:
        self._failures += 1
        self._retry_at = asyncio.get_running_loop().time() + min(_MAX_PAUSE, 2.0 ** min(self._failures - 1, 10))
        is_bug = not isinstance(error, WeatherdError | OSError)
        reason = f"no write within {WRITE_TIMEOUT:g} s" if isinstance(error, TimeoutError) else describe(error)
        self._report_down(reason, error if is_bug else None)
        self.missed += missed

    def _report_down(self, reason: str, bug: Exception | None = None) -> None:
        if not self.is_down:
            log.error("sink.down", sink=self.name, reason=reason, exc_info=bug)
            self.is_down, self._missed_before = True, self.missed

    def _report_recovery(self) -> None:
        log.info("sink.recovered", sink=self.name, missed=self.missed - self._missed_before)
        self.is_down = False
