"""The last row of a terminal, apart from the rows above it, in which other output scrolls."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SAVE, _RESTORE = "\0337", "\0338"  # the cursor
_MIN_ROWS = 3


class TerminalFooter:
    """A line in the last row of the terminal with this file descriptor.

    The other rows are the scrolling region (DECSTBM of the VT100), as in apt. So other writers, such as the log and the
    console sink, need not know of it. The methods block while the terminal is stopped, for example by Ctrl-S.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rows = 0  # of the terminal when the region was set; 0: it is not set

    def show(self, build: Callable[[int], str]) -> None:
        """Show the line that *build* returns for a width in cells. Nothing is shown in less than three rows."""
        columns, rows = os.get_terminal_size(self._descriptor)
        if rows < _MIN_ROWS:
            return
        begin = ""
        if rows != self._rows:
            # The line break makes room: without it, the last line above would be in the footer's row
            begin = f"{self._leave()}\n{_SAVE}\033[1;{rows - 1}r{_RESTORE}\033[1A"
            self._rows = rows
        self._write(f"{begin}{_SAVE}\033[{rows};1H\033[2K{build(columns - 1)}{_RESTORE}")

    def remove(self) -> None:
        """Remove the line, if it is shown, and let other output scroll in all rows again."""
        self._write(self._leave())
        self._rows = 0

    def _leave(self) -> str:
        return f"{_SAVE}\033[r\033[{self._rows};1H\033[2K{_RESTORE}" if self._rows else ""

    def _write(self, text: str) -> None:
        data = text.encode(errors="replace")
        while data:
            data = data[os.write(self._descriptor, data) :]
