"""CSV lists (RFC 4180): a heading with the keys of a row, then a city per record.

The csv module is not used because it does not report the columns of cells, which error messages need.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.city import KEYS
from weatherd.config.lists.csv_delimiter import find_delimiter
from weatherd.config.messages import quote_shortened
from weatherd.config.setting_fields import PLUGINS
from weatherd.config.yaml.reader import YamlMapping, format_position
from weatherd.errors import ConfigError, Problem
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.config.yaml.reader import Position

REQUIRED_KEYS = ("name", "lat", "lon")
_TAGS = "tags"
_COLUMNS = tuple(key for key in KEYS if key not in (PLUGINS, _TAGS))
_is_number = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?").fullmatch


class CsvRow(YamlMapping):
    """A record as a row of the list, with the positions of its values."""

    __slots__ = ()


class _Cell(NamedTuple):
    text: str
    line: int  # from 0, as the marks of the YAML parser, whose place it takes
    column: int


def read_csv_rows(text: str, name: str) -> Iterator[tuple[CsvRow, Position]]:
    """Yield the rows in *text*, the text of the file *name*, with their positions.

    Columns are separated as in the heading: by commas, semicolons, tabs or bars. Empty cells are missing keys, and
    empty records are skipped. A column ``tags.region`` has the values of a tag, ``plugins.my-provider.station`` those
    of a plug-in's key. Raises ConfigError if the heading or the form of a record is wrong.
    """
    delimiter = find_delimiter(text)
    records = _split_records(text, delimiter, name)
    columns = _read_heading(next(records, []), name)
    for record in records:
        first, is_filled = record[0], any(cell.text for cell in record)
        columns += [(f"column-{number + 1}",) for number in range(len(columns), len(record))]  # an unknown key
        if is_filled:
            position = (first.line + 1, first.column + 1)
            yield _build_row(columns, record, position), position


def _split_records(text: str, delimiter: str, name: str) -> Iterator[list[_Cell]]:
    """Yield the cells of each record, without white space around them."""
    end = re.escape(delimiter)
    match_cell = re.compile(rf' *(?:"([^"]*(?:""[^"]*)*)" *|(?! *")([^{end}\r\n]*))({end}|\r?\n|\r|\Z)').match
    offset, line, line_start, record = 0, 0, 0, list[_Cell]()
    while offset < len(text) or record:
        match, column = match_cell(text, offset), offset - line_start
        if not match:
            message = "is not valid CSV: a quotation mark is not closed, or not at the start of its cell"
            raise ConfigError(_problem(name, _Cell("", line, column), message))
        quoted, plain, separator = match.groups()
        record.append(_Cell((plain if quoted is None else quoted.replace('""', '"')).strip(), line, column))
        if quoted and "\n" in quoted:
            line, line_start = line + quoted.count("\n"), match.start(1) + quoted.rindex("\n") + 1
        offset = match.end()
        if separator != delimiter:
            yield record
            line, line_start, record = line + 1, offset, []


def _read_heading(cells: Sequence[_Cell], name: str) -> list[tuple[str, ...]]:
    """Return the key path of each column. Raises ConfigError with all problems of the heading."""
    names = [cell.text for cell in cells]
    problems = [_problem(name, cell, _explain_column(cell.text)) for cell in cells if not _find_keys(cell.text)]
    problems += [
        _problem(name, cell, f"the column {cell.text!r} is there twice")
        for index, cell in enumerate(cells)
        if cell.text and cell.text in names[:index]
    ]
    if missing := [repr(key) for key in REQUIRED_KEYS if key not in names]:
        problems.append(Problem(format_position(name, (1, 1)), f"the heading has no column {' and '.join(missing)}"))
    if problems:
        raise ConfigError(*problems)
    return [_find_keys(column) for column in names]


def _find_keys(column: str) -> tuple[str, ...]:
    """Return the key path of a column, ("name",), ("tags", "region") or ("plugins", "my-provider", "station").

    It is () for an unknown column.
    """
    if column.startswith(f"{_TAGS}.") and column != f"{_TAGS}.":
        return tuple(column.split(".", 1))
    path = tuple(column.split("."))
    is_plugin = len(path) > 2 and path[0] == PLUGINS and all(path)  # noqa: PLR2004 - section, plug-in, key
    return path if is_plugin or column in _COLUMNS else ()


def _explain_column(column: str) -> str:
    if column.partition(".")[0] == _TAGS:
        return f"the column {quote_shortened(column)} should have the form '{_TAGS}.KEY'"
    if column.startswith(f"{PLUGINS}."):
        return f"the column {quote_shortened(column)} should have the form '{PLUGINS}.NAME.KEY'"
    hint = did_you_mean(column, _COLUMNS) or f"; the columns are {', '.join(_COLUMNS)}"
    return f"unknown column {quote_shortened(column)}{hint}"


def _build_row(columns: Sequence[tuple[str, ...]], record: Sequence[_Cell], position: Position) -> CsvRow:
    row = CsvRow(position)
    for (*sections, key), cell in zip(columns, record, strict=False):
        if cell.text:
            node: YamlMapping = row
            for section in sections:
                node.marks.setdefault(section, cell)
                node.key_marks.setdefault(section, cell)
                node = node.setdefault(section, YamlMapping((cell.line + 1, cell.column + 1)))
            node.marks[key] = node.key_marks[key] = cell
            node[key] = cell.text if sections else _parse_cell(key, cell.text)
    return row


def _parse_cell(key: str, text: str) -> Any:
    """Return the value of a cell: a number, or names that are separated by white space or commas."""
    if key in ("lat", "lon", "altitude") and _is_number(text):
        return float(text)
    return text.replace(",", " ").split() if key in {"providers", "compare"} else text


def _problem(name: str, cell: _Cell, message: str) -> Problem:
    return Problem(format_position(name, (cell.line + 1, cell.column + 1)), message)
