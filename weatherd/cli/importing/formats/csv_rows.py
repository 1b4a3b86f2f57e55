"""Rows of CSV files, with any usual delimiter."""

from __future__ import annotations

import csv
import functools
import itertools
from typing import TYPE_CHECKING

from weatherd.cli.importing.source_rows import BadRow, SourceRow
from weatherd.config.lists.csv_delimiter import find_delimiter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class CsvRows:
    """The rows of a CSV file. Its delimiter is the most frequent one in its heading."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._row_lines: list[str] = []  # of the current row: several if a quoted value has line breaks
        heading = next(self._lines, "")
        self.delimiter = find_delimiter(heading)
        self._reader = csv.reader(self._feed(heading), delimiter=self.delimiter)
        self.columns = [column.strip() for column in next(self._reader, [])]

    def _feed(self, heading: str) -> Iterator[str]:
        for line in itertools.chain([heading], self._lines):
            self._row_lines.append(line)
            yield line

    def __iter__(self) -> Iterator[SourceRow | BadRow]:
        """Yield the rows; those without a value for each column are bad. Empty lines are skipped."""
        while True:
            self._row_lines = []
            try:
                values = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield BadRow(f"{self._find_line()}:1", f"is not CSV: {error}")
                continue
            if values:
                yield self._make_row(values)

    def _make_row(self, values: list[str]) -> SourceRow | BadRow:
        line = self._find_line()
        count = len(self.columns)
        if len(values) < count or any(values[count:]):
            return BadRow(f"{line}:1", f"has {len(values)} values, but the heading has {count}")
        find_position = functools.partial(self._find_position, line, self._row_lines)
        return SourceRow(dict(zip(self.columns, values, strict=False)), find_position)

    def _find_line(self) -> int:
        """Return the number of the first line of the current row."""
        return self._reader.line_num - len(self._row_lines) + 1

    def _find_position(self, line: int, row_lines: Sequence[str], heading: str) -> str:
        index = self.columns.index(heading) if heading in self.columns else 0
        return _locate_value(row_lines, index, line, self.delimiter)


def _locate_value(row_lines: Sequence[str], index: int, line: int, delimiter: str) -> str:
    """Return line and column of the value at *index* of a row, whose first line is number *line*."""
    is_quoted, current = False, 0
    for number, text in enumerate(row_lines, line):
        for column, character in enumerate(text, 1):
            if current == index:
                return f"{number}:{column}"
            is_quoted ^= character == '"'
            current += character == delimiter and not is_quoted
    return f"{line}:1"
