"""A line for each observation on standard output."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from typing import TYPE_CHECKING

from weatherd.formatting import format_line
from weatherd.worker_thread import WorkerThread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from weatherd.config.settings import Settings
    from weatherd.observation import FetchedObservation


class ConsoleSink:
    """Prints by ``console.format``, repeats too.

    The writing is done in a thread, straight to the descriptor: a terminal that was stopped, or a pipe that nobody
    reads, then blocks that thread and not the daemon, nor Python's own flush at the end.
    """

    def __init__(self, template: str, descriptor: int, worker: WorkerThread) -> None:
        self._template = template
        self._descriptor = descriptor
        self._worker = worker

    async def write(self, batch: Sequence[FetchedObservation]) -> None:
        """Print a batch; OSError when standard output is gone."""
        text = "".join(f"{format_line(self._template, arrival)}\n" for arrival in batch)
        await self._worker.run(lambda: _write(self._descriptor, text.encode(errors="replace")))


def _write(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # whoever started us set it so, and has not read yet
            select.select([], [descriptor], [])


@contextlib.asynccontextmanager
async def _open(template: str) -> AsyncIterator[ConsoleSink]:
    sys.stdout.flush()
    with WorkerThread("console") as worker:
        yield ConsoleSink(template, sys.stdout.fileno(), worker)


def open_sink(settings: Settings) -> AbstractAsyncContextManager[ConsoleSink] | None:
    """Open the sink unless ``console.enabled`` is off."""
    return _open(settings.console.format) if settings.console.enabled else None
