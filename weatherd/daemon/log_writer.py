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
        self._room = _MOST_WAITING
        self._lost = 0
        self._counting = threading.RLock()  # a line may be about what was found in the middle of another
        threading.Thread(target=self._work, name="log", daemon=True).start()

    def write(self, text: str) -> None:
        """Hand over a line, or several with line breaks between them; never waits."""
        lines = _lines(text)
        with self._counting:
            if lines <= self._room:
                self._room -= lines
                self._waiting.put(text)
            else:
                self._lost += lines

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
            texts = [item for item in batch if isinstance(item, str)]
            with contextlib.suppress(OSError, ValueError):  # nobody reads the log any more
                self._stream.write("".join(f"{text}\n" for text in texts))
                self._stream.flush()
            for item in batch:
                if isinstance(item, threading.Event):
                    item.set()
            with self._counting:
                self._room += sum(map(_lines, texts))
                lost, self._lost = self._lost, 0
            if lost:
                log.warning("log.dropped", lines=lost)


def _lines(text: str) -> int:
    return text.count("\n") + 1
