"""Lines written from a thread of their own, so that a reader who stopped reading does not stop the daemon."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from typing import TextIO

log = structlog.get_logger()

_MOST_WAITING = 20_000
_MOST_AT_ONCE = 1000


class Lines:
    """Writes lines to a stream, in order. When too many wait, others are lost, and ``log.dropped`` counts them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: queue.SimpleQueue[str | threading.Event] = queue.SimpleQueue()
        self._lost = 0
        threading.Thread(target=self._work, name="log", daemon=True).start()

    def write(self, line: str) -> None:
        """Hand over a line; never waits."""
        if self._waiting.qsize() < _MOST_WAITING:
            self._waiting.put(line)
        else:
            self._lost += 1

    def flush(self, deadline: float) -> None:
        """Wait until everything is written, for so many seconds at the most."""
        written = threading.Event()
        self._waiting.put(written)
        written.wait(deadline)

    def _work(self) -> None:
        while True:
            batch = [self._waiting.get()]
            while len(batch) < _MOST_AT_ONCE and not self._waiting.empty():
                batch.append(self._waiting.get())
            with contextlib.suppress(OSError, ValueError):  # nobody reads the log any more
                self._stream.write("".join(f"{line}\n" for line in batch if isinstance(line, str)))
                self._stream.flush()
            for item in batch:
                if isinstance(item, threading.Event):
                    item.set()
            if self._lost:
                lost, self._lost = self._lost, 0
                log.warning("log.dropped", lines=lost)
