"""Writing of the log in a separate thread, so that a log reader that stops reading cannot block the daemon."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from typing import TextIO

log = structlog.get_logger()

_QUEUE_LIMIT = 8_000_000  # characters, some 20,000 lines
_BATCH_LIMIT = 1000  # texts


class LineWriter:
    """A thread that writes lines to a stream, in order.

    Lines that do not fit into its queue are dropped; ``log.dropped`` reports their number.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._queue: queue.SimpleQueue[str | threading.Event] = queue.SimpleQueue()
        # Characters, because counting the lines of each text takes twice as long as everything else in write()
        self._room = _QUEUE_LIMIT
        self._dropped = 0  # lines
        # Reentrant, because the garbage collector may run a finalizer inside write(), which may log a line.
        self._lock = threading.RLock()
        threading.Thread(target=self._write_queued, name="log", daemon=True).start()

    def write(self, text: str) -> None:
        """Enqueue a line, or several lines separated by line breaks, without blocking."""
        with self._lock:
            if len(text) <= self._room:
                self._room -= len(text)
                self._queue.put(text)
            else:
                self._dropped += text.count("\n") + 1

    def flush(self, deadline: float) -> None:
        """Wait at most *deadline* seconds until all queued lines are written."""
        written = threading.Event()
        self._queue.put(written)
        written.wait(deadline)

    def _write_queued(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < _BATCH_LIMIT and not self._queue.empty():
                batch.append(self._queue.get())
            texts = [item for item in batch if isinstance(item, str)]
            with contextlib.suppress(OSError, ValueError):  # the log reader has closed its end
                self._stream.write("\n".join([*texts, ""]))
                self._stream.flush()
            for item in batch:
                if isinstance(item, threading.Event):
                    item.set()
            with self._lock:
                self._room += sum(map(len, texts))
                dropped, self._dropped = self._dropped, 0
            if dropped:
                log.warning("log.dropped", lines=dropped)
