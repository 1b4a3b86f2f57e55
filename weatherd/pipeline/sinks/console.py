"""The console sink: one line on standard output for each observation."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from typing import TYPE_CHECKING

from weatherd.formatting import LineTemplate
from weatherd.worker_thread import WorkerThread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from weatherd.config.settings import Settings
    from weatherd.observation import FetchedObservation
    from weatherd.text.display import Display


class ConsoleSink:
    """Prints each observation, repeats too, in the format of ``console.format``, in the reader's units and language.

    It writes in a thread and straight to the file descriptor, so that a stopped terminal, or a pipe that nobody reads,
    blocks that thread but neither the daemon nor Python's flush at exit.
    """

    def __init__(self, template: str, display: Display, descriptor: int, worker: WorkerThread) -> None:
        self._template = LineTemplate(template, display)
        self._descriptor = descriptor
        self._worker = worker

    async def write(self, batch: Sequence[FetchedObservation]) -> None:
        """Print a batch. Raises OSError if standard output is closed."""
        text = "\n".join([*map(self._template.format, batch), ""])
        await self._worker.run(lambda: _write(self._descriptor, text.encode(errors="replace")))


def _write(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # the parent process made it non-blocking and has not read it yet
            select.select([], [descriptor], [])


@contextlib.asynccontextmanager
async def _open(template: str, display: Display) -> AsyncIterator[ConsoleSink]:
    sys.stdout.flush()
    with WorkerThread("console") as worker:
        yield ConsoleSink(template, display, sys.stdout.fileno(), worker)


def open_sink(settings: Settings) -> AbstractAsyncContextManager[ConsoleSink] | None:
    """Return the sink, or None if ``console.enabled`` is false."""
    return _open(settings.console.format, settings.display) if settings.console.enabled else None
