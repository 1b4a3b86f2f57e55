"""Parquet files, written with pyarrow, which is optional."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import sys
from typing import TYPE_CHECKING, Any, Literal

import typer

from weatherd.cli.exporting.output_file import open_output
from weatherd.cli.options import ArgumentError
from weatherd.plugins import explain_missing_library

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ParquetType = Literal["text", "time", "date", "integer", "number"]

_ROW_GROUP = 50_000  # rows in a Parquet row group, which is held in memory


def write_parquet_file(rows: Iterator[dict[str, Any]], types: Mapping[str, ParquetType], output: Path | None) -> None:
    """Write rows, which have the keys of *types*, one row group at a time; times are in UTC.

    Raises ArgumentError without pyarrow, and BadParameter for a terminal.
    """
    try:
        arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ArgumentError(f"parquet {explain_missing_library('parquet')}") from None
    if output is None and sys.stdout.isatty():
        raise typer.BadParameter("parquet cannot be printed on a terminal: pass a file with --output")
    arrow_types = {
        "text": arrow.string(),
        "time": arrow.timestamp("us", tz="UTC"),
        "date": arrow.date32(),
        "integer": arrow.int32(),
        "number": arrow.float64(),
    }
    schema = arrow.schema([(name, arrow_types[kind]) for name, kind in types.items()])
    target = open_output(output, is_text=False) if output else contextlib.nullcontext(sys.stdout.buffer)
    with target as stream, parquet.ParquetWriter(arrow.PythonFile(stream, mode="w"), schema) as writer:
        while group := list(itertools.islice(rows, _ROW_GROUP)):
            columns = {name: [row[name] for row in group] for name in types}
            writer.write_table(arrow.Table.from_pydict(columns, schema=schema))
