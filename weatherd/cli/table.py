"""Tables that fit the terminal: columns are wrapped, then the least important ones are omitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

_GAP = 2  # cells between two columns
_MIN_WRAPPED = 16  # cells; a longer word of a wrapped column is split


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, the text of each row, and what happens to it in a narrow terminal."""

    name: str
    texts: Sequence[str]
    rank: int = 0  # columns with the highest rank are omitted first; 0: never
    is_wrapped: bool = False
    is_number: bool = False
    styles: Mapping[str, str] = field(default_factory=dict)  # by text

    @property
    def full_width(self) -> int:
        """The width in cells without wrapping; an emoji or a CJK character has two."""
        return max(map(cell_len, [self.name, *self.texts]))

    @property
    def min_width(self) -> int:
        """The width in cells of the longest word, or of the whole text if it is not wrapped."""
        if not self.is_wrapped:
            return self.full_width
        words = [word for text in [self.name, *self.texts] for word in text.split()]
        return min(_MIN_WRAPPED, max(map(cell_len, words), default=1))


def build_table(columns: Sequence[Column], width: int) -> Table:
    """Return a table of at most *width* cells, if the columns of rank 0 fit. Spare width goes to the first columns."""
    shown = list(columns)
    while _total_width(shown) > width and (omitted := max(shown, key=lambda column: column.rank)).rank:
        shown.remove(omitted)
    spare = max(0, width - _total_width(shown))
    table = Table(box=None, pad_edge=False)
    for column in shown:
        extra = min(spare, column.full_width - column.min_width)
        spare -= extra
        table.add_column(
            column.name,
            justify="right" if column.is_number else "left",
            width=column.min_width + extra,
            overflow="fold",
            no_wrap=not column.is_wrapped,
        )
    for row in zip(*(column.texts for column in shown), strict=True):
        styled = (Text(text, column.styles.get(text, "")) for column, text in zip(shown, row, strict=True))
        table.add_row(*styled)
    return table


def pad_text(text: str, width: int) -> str:
    """Return *text* with spaces up to *width* cells; ``str.ljust`` counts characters, and an emoji has two cells."""
    return text + " " * (width - cell_len(text))


def _total_width(columns: Sequence[Column]) -> int:
    return sum(column.min_width for column in columns) + _GAP * (len(columns) - 1)
