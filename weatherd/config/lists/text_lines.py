"""The lines of a long text, in blocks."""

from __future__ import annotations

import select
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SLICE = 1 << 15  # characters; parsing their rows takes about two milliseconds
_BLOCK = 32  # lines
_PAUSE = 1e-6  # seconds; with 0, the same thread would often get the lock again


def split_blocks(text: str, start: int = 0) -> Iterator[list[str]]:
    r"""Yield blocks of the lines of *text* from the index *start*, separated by ``\n`` as by str.split.

    Every two milliseconds, a thread that reads a list passes on the interpreter's lock. Otherwise it would keep the
    lock for 5 ms (sys.getswitchinterval) whenever the event loop has released it for a system call.
    """
    is_last, is_reload = False, threading.current_thread() is not threading.main_thread()
    while not is_last:
        end = text.find("\n", start + _SLICE)
        is_last = end < 0
        lines = text[start : None if is_last else end].split("\n")
        yield from (lines[index : index + _BLOCK] for index in range(0, len(lines), _BLOCK))
        start = end + 1
        if is_reload:
            select.select([], [], [], _PAUSE)  # a sleep; time.sleep() fails with libfaketime


def split_lines(text: str) -> Iterator[str]:
    """Yield the lines of *text*."""
    for lines in split_blocks(text):
        yield from lines
