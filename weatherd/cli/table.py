"""Tables with one line per row: texts are truncated with "…", then the least important columns are hidden.

A pipe or a file has no width (None): nothing is truncated or hidden there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rich.cells import cell_len
from rich.text import Text

from weatherd.cli.screen import truncate_text, wrap_text
from weatherd.text.control_characters import escape_controls

_GAP = 2  # cells between two columns


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, the text of each row, and what happens to it in a narrow terminal."""

    name: str
    texts: Sequence[str]
    rank: int = 0  # columns with the highest rank are hidden first; 0: never
    min_width: int | None = None  # cells that remain if texts are truncated; None for ids and numbers: never truncated
    is_number: bool = False
    styles: Mapping[str, str] = field(default_factory=dict)  # by text

    @property
    def full_width(self) -> int:
        """The width of the longest text in cells; an emoji or a CJK character has two."""
        return max(map(cell_len, [self.name, *self.texts]))

    @property
    def least_width(self) -> int:
        """The width in cells if texts are truncated as far as possible."""
        return self.full_width if self.min_width is None else min(self.min_width, self.full_width)


def format_table(columns: Sequence[Column], width: int | None) -> list[Text]:
    """Return the lines of a table: the headings, the rows and a note that names the hidden columns.

    No line has more than *width* cells. The columns with truncated texts share the width that is left in proportion to
    their *min_width*. If not even the columns of rank 0 fit, the end of each line is truncated.
    """
    columns = [replace(column, texts=[escape_controls(text) for text in column.texts]) for column in columns]
    shown = _select_columns(columns, width)
    widths = [column.full_width for column in shown] if width is None else _share_width(shown, width)
    headings = [Text(_fit(column, column.name, cells), "bold") for column, cells in zip(shown, widths, strict=True)]
    lines = [_join(headings), *(_join(row) for row in zip(*map(_format_cells, shown, widths), strict=True))]
    if width is not None:
        for line in lines:
            line.truncate(width, overflow="ellipsis")
    hidden = ", ".join(column.name for column in columns if column not in shown)
    if hidden:
        note = f"hidden at this width: {hidden}; widen the terminal or pipe to less -S"
        lines += [Text(line, "dim") for line in wrap_text(note, width)]
    return lines


def _select_columns(columns: Sequence[Column], width: int | None) -> list[Column]:
    """Return the columns that fit; columns of equal rank are hidden together."""
    shown = list(columns)
    while width is not None and _sum_widths([column.least_width for column in shown]) > width:
        rank = max(column.rank for column in shown)
        if not rank:
            break
        shown = [column for column in shown if column.rank < rank]
    return shown


def _share_width(columns: Sequence[Column], width: int) -> list[int]:
    """Return the width of each column: of the truncated ones, the next cell goes to the relatively narrowest."""
    least, full = [column.least_width for column in columns], [column.full_width for column in columns]
    widths = list(least)
    for _ in range(width - _sum_widths(widths)):
        truncated = [index for index, limit in enumerate(full) if widths[index] < limit]
        if not truncated:
            break
        widths[min(truncated, key=lambda index: widths[index] / least[index])] += 1
    return widths


def _sum_widths(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _format_cells(column: Column, width: int) -> Iterator[Text]:
    for text in column.texts:
        yield Text(_fit(column, text, width), column.styles.get(text, ""))


def _fit(column: Column, text: str, width: int) -> str:
    """Return *text* in exactly *width* cells; ``str.ljust`` would count characters."""
    shown = truncate_text(text, width)
    padding = " " * (width - cell_len(shown))
    return padding + shown if column.is_number else shown + padding


def _join(cells: Sequence[Text]) -> Text:
    line = Text(" " * _GAP, no_wrap=True).join(cells)
    line.rstrip()
    return line
