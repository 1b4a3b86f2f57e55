"""A file that grows, of which only what is new is read: a log becomes hundreds of megabytes long."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 1 << 20


class Tail:
    """Stands at a place in a file, and goes on from there."""

    def __init__(self, file: Path, at: int = 0) -> None:
        self._file = file
        self._at = at
        self._lines = 0

    def count(self) -> int:
        """Return how many lines there are by now."""
        with self._file.open("rb", buffering=0) as file:
            file.seek(self._at)
            while chunk := file.read(_CHUNK):
                self._lines += chunk.count(b"\n")
                self._at += len(chunk)
        return self._lines

    def find(self, mark: bytes) -> bytes | None:
        """Return the first new line with *mark* in it; None while there is none."""
        return next((line for line in self._whole() if mark in line), None)

    def _whole(self) -> Iterator[bytes]:
        with self._file.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):  # the rest of it is still to come
                    return
                self._at += len(line)
                yield line


def marked(file: Path, mark: bytes) -> int:
    """Return in how many lines of a file *mark* is."""
    with file.open("rb") as lines:
        return sum(mark in line for line in lines)
