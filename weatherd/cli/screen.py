"""Text for a terminal of a certain width in cells; a pipe or a file has no width (None)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells, set_cell_size

from weatherd.text.control_characters import escape_controls

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def open_console(*, stderr: bool = False) -> Console:
    """Return a console without markup and emoji codes, because names come from files and from services."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def find_width(console: Console) -> int | None:
    """Return the width of the terminal in cells, or None for a pipe or a file.

    A pipe has the width in ``COLUMNS`` if that is exported, as ``watch`` does.
    """
    return console.width if console.file.isatty() or os.environ.get("COLUMNS", "").isdigit() else None


def print_lines(console: Console, lines: Iterable[str | Text]) -> None:
    """Print lines without wrapping them."""
    for line in lines:
        console.print(line, soft_wrap=True)


def truncate_text(text: str, width: int) -> str:
    """Return *text* if it has at most *width* cells, or else its beginning and "…"."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


def wrap_text(text: str, width: int | None, indent: int = 0) -> list[str]:
    """Split *text* between words into lines of at most *width* cells; a longer word is split as well.

    All lines but the first are indented by *indent* cells.
    """
    text = escape_controls(text)
    if width is None or cell_len(text) <= width:
        return [text]
    lines, margin = [""], " " * indent
    for word in re.findall(r"\s*\S+", text):
        if lines[-1].strip() and cell_len(lines[-1] + word) > width:
            lines.append(margin + word.lstrip())
        else:
            lines[-1] += word
        if cell_len(lines[-1]) > width:
            lines[-1:] = chop_cells(lines[-1], width)
    return lines
