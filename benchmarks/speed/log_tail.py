"""Incremental reading of a growing log, which becomes hundreds of megabytes long."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 1 << 20


class LogTail:
    """Position in a file from which reading continues."""

    def __init__(self, file: Path, at: int = 0) -> None:
        self._file = file
        self._at = at
        self._lines = 0

    def count(self) -> int:
        """Return the number of lines so far."""
        with self._file.open("rb", buffering=0) as file:
            file.seek(self._at)
            while chunk := file.read(_CHUNK):
                self._lines += chunk.count(b"\n")
                self._at += len(chunk)
        return self._lines

    def find(self, mark: bytes) -> bytes | None:
        """Return the first new line that contains *mark*, or None."""
        return next((line for line in self._complete_lines() if mark in line), None)

    def _complete_lines(self) -> Iterator[bytes]:
        with self._file.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):  # because the rest is not written yet
                    return
                self._at += len(line)
                yield line


def count_lines_with(file: Path, mark: bytes) -> int:
    """Return the number of lines of a file that contain *mark*."""
    with file.open("rb") as lines:
        return sum(mark in line for line in lines)
