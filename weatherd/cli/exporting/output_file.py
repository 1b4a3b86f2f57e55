"""The output file of an export."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from weatherd.cli.options import ArgumentError

if TYPE_CHECKING:
    from pathlib import Path


def open_output(file: Path, *, is_text: bool = True) -> IO[Any]:
    """Open the output file for writing. Raises ArgumentError if that is impossible."""
    try:
        return file.open("w", encoding="utf-8", newline="") if is_text else file.open("wb")
    except OSError as error:
        raise ArgumentError(f"{file}: cannot be written: {error.strerror}") from None
