"""The log writer, with a stream that may block."""

from __future__ import annotations

import io
import json
import threading

from weatherd import log
from weatherd.daemon.log_writer import LineWriter

MOST = 8_000_000  # characters that wait


class Stopped(io.StringIO):
    """A stream that blocks until it is released, like a pipe whose reader has stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = threading.Event()
        self.goes_on = threading.Event()

    def write(self, text: str) -> int:
        """Accept a text once released."""
        self.is_asked.set()
        self.goes_on.wait(60)
        return super().write(text)


def test_a_text_that_does_not_fit_is_dropped() -> None:
    """A text that exceeds the room is dropped whole, and its lines are counted; a shorter one still fits."""
    stream, written = Stopped(), list[str]()
    log.configure("info", "json", write=written.append)
    lines = LineWriter(stream)
    lines.write("first")
    stream.is_asked.wait(60)  # it is on its way now, and takes room
    many = "m" * (MOST - len("firstlast\nlast"))
    lines.write(many)
    lines.write("lost\nlost\nlost")
    lines.write("last\nlast")
    stream.goes_on.set()
    lines.flush(60)
    lines.write("after")
    lines.flush(60)
    assert stream.getvalue().split() == ["first", many, "last", "last", "after"]
    assert [json.loads(line)["lines"] for line in written] == [3]
