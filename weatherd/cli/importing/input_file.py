"""A file to import: its format, its rows, and how much of it has been read."""

from __future__ import annotations

import contextlib
import gzip
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from weatherd.cli.importing.formats.csv_rows import CsvRows
from weatherd.cli.importing.formats.json_rows import read_json_rows
from weatherd.cli.importing.formats.parquet_rows import ParquetRows
from weatherd.cli.options import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from weatherd.cli.importing.source_rows import BadRow, SourceRow

FileFormat = Literal["csv", "jsonl", "parquet"]
STANDARD_INPUT = "-"
_FORMATS: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}


@dataclass(frozen=True, slots=True)
class InputFile:
    """The rows of an open file."""

    name: str
    rows: Iterable[SourceRow | BadRow]
    columns: Sequence[str] | None  # None if each row has its own
    delimiter: str  # "" if the values have types
    tell: Callable[[], int]  # bytes that were read


def find_format(name: str) -> FileFormat:
    """Return the format that a file's name has, also before ``.gz``. Raises ArgumentError."""
    path = Path(name.removesuffix(".gz"))
    if name == STANDARD_INPUT or path.suffix.lower() not in _FORMATS:
        raise ArgumentError(f"{name}: pass its format, such as --format csv, because the name does not have it")
    return _FORMATS[path.suffix.lower()]


@contextlib.contextmanager
def open_input(name: str, form: FileFormat) -> Iterator[InputFile]:
    """Open a file, or standard input if it is ``-``; one that ends with ``.gz`` is decompressed.

    Raises ArgumentError if it cannot be read or is not UTF-8, also while the rows are read.
    """
    try:
        with contextlib.ExitStack() as stack:
            yield _open(name, form, stack)
    except UnicodeDecodeError:
        advice = f"convert it first, for example iconv -f windows-1252 -t utf-8 {name}"
        raise ArgumentError(f"{name}: is not UTF-8 text; {advice}") from None
    except (OSError, EOFError) as error:  # EOFError: a compressed file that was cut short
        raise ArgumentError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _open(name: str, form: FileFormat, stack: contextlib.ExitStack) -> InputFile:
    raw: BinaryIO = sys.stdin.buffer
    if name != STANDARD_INPUT:
        raw = stack.enter_context(Path(name).open("rb"))  # noqa: SIM115 - the stack closes it
    if form == "parquet":
        table = ParquetRows(raw, name)
        return InputFile(name, table, table.columns, "", raw.tell)
    data: Any = gzip.GzipFile(fileobj=raw) if name.endswith(".gz") else raw
    text = stack.enter_context(io.TextIOWrapper(data, encoding="utf-8-sig", newline=""))
    tell = raw.tell if raw.seekable() else int
    if form == "jsonl":
        return InputFile(name, read_json_rows(text), None, "", tell)
    rows = CsvRows(text)
    return InputFile(name, rows, rows.columns, rows.delimiter, tell)


def measure_input(name: str) -> int:
    """Return a file's size in bytes, 0 for standard input. Raises ArgumentError if it cannot be found."""
    try:
        return 0 if name == STANDARD_INPUT else Path(name).stat().st_size
    except OSError as error:
        raise ArgumentError(f"{name}: cannot be read: {error.strerror}") from None
