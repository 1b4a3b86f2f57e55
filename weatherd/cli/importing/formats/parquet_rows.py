"""Rows of Parquet files."""

from __future__ import annotations

import contextlib
import functools
import importlib
from typing import TYPE_CHECKING, Any, BinaryIO

from weatherd.cli.importing.source_rows import SourceRow
from weatherd.cli.options import ArgumentError
from weatherd.plugins import explain_missing_library

if TYPE_CHECKING:
    from collections.abc import Iterator

_BATCH = 5000  # rows in memory


class ParquetRows:
    """The rows of a Parquet file. Raises ArgumentError without pyarrow, and for a file that it cannot read."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        try:
            self._arrow = importlib.import_module("pyarrow")
            parquet = importlib.import_module("pyarrow.parquet")
        except ImportError:
            raise ArgumentError(f"parquet {explain_missing_library('parquet')}") from None
        self._name = name
        with self._translate_errors():
            self._file: Any = parquet.ParquetFile(file)
            self.columns: list[str] = self._file.schema_arrow.names

    def __iter__(self) -> Iterator[SourceRow]:
        """Yield the rows."""
        number = 0
        with self._translate_errors():
            for batch in self._file.iter_batches(_BATCH):
                for values in batch.to_pylist():
                    number += 1
                    yield SourceRow(values, functools.partial(_format_position, number))

    @contextlib.contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, self._arrow.ArrowException) as error:  # OSError is its error for damaged data, too
            raise ArgumentError(f"{self._name}: is not Parquet: {' '.join(str(error).split())}") from None


def _format_position(number: int, heading: str) -> str:
    return f"row {number}:{heading}"
