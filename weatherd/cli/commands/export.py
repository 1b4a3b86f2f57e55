"""``weatherd export``: stream the journal to a file in constant memory."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.lookup import find_journal, find_recorded_city, parse_time_range
from weatherd.cli.options import ArgumentError, ConfigFile, Since, Until, load_user_configuration
from weatherd.cli.terminal import write_csv
from weatherd.plugins import explain_missing_library
from weatherd.text.local_zone import load_zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weatherd.observation import Observation

_ROW_GROUP = 50_000  # observations in a Parquet row group, which is held in memory
_TEXT_FIELDS = ("city", "provider", "description", "station")
_TIME_FIELDS = ("observed_at", "fetched_at")


def export(  # noqa: PLR0917 - one parameter per option
    cities: Annotated[
        list[str] | None, typer.Argument(metavar="CITY", help="Names or ids; default: all cities.")
    ] = None,
    config: ConfigFile = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["csv", "jsonl", "parquet"],
        typer.Option("--format", "-f", metavar="FORMAT", help="The output format: csv, jsonl or parquet."),
    ] = "csv",
    since: Since = None,
    until: Until = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The output file; default: standard output.")
    ] = None,
) -> int:
    """Export recorded observations as CSV, JSON Lines or Parquet.

    They are in the order of their arrival. Exit code 74 if there is no journal.

    \b
    Examples:
      weatherd export > all.csv
      weatherd export --format jsonl --since 7d Kiel Berlin
      weatherd export --format parquet --output weather.parquet
    """
    from weatherd.journal.reader import Reader

    configuration = load_user_configuration(config)
    begin, end = parse_time_range(since, until, datetime.now(UTC), load_zone(configuration.settings.timezone))
    with contextlib.closing(Reader(find_journal(configuration))) as reader:
        ids = [find_recorded_city(configuration, name, reader).id for name in cities or ()]
        observations = reader.iterate(begin, end if until else None, ids)
        if format == "parquet":
            _write_parquet(observations, output)
        else:
            with _open_output(output) if output else contextlib.nullcontext(sys.stdout) as stream:
                (_write_csv if format == "csv" else _write_jsonl)(observations, stream)
    return ExitCode.OK


def _open_output(file: Path, *, is_text: bool = True) -> IO[Any]:
    """Open the output file for writing. Raises ArgumentError if that is impossible."""
    try:
        return file.open("w", encoding="utf-8", newline="") if is_text else file.open("wb")
    except OSError as error:
        raise ArgumentError(f"{file}: cannot be written: {error.strerror}") from None


def _write_csv(observations: Iterator[Observation], stream: Any) -> None:
    from weatherd.formatting import to_dict
    from weatherd.observation import FIELDS

    write_csv(stream, FIELDS, map(to_dict, observations))


def _write_jsonl(observations: Iterator[Observation], stream: Any) -> None:
    from weatherd.formatting import to_dict

    for observation in observations:
        stream.write(json.dumps(to_dict(observation), ensure_ascii=False) + "\n")


def _write_parquet(observations: Iterator[Observation], output: Path | None) -> None:
    """Write Parquet, one row group at a time. Raises ArgumentError without pyarrow, and BadParameter for a terminal."""
    from weatherd.observation import FIELDS

    try:
        arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ArgumentError(f"parquet {explain_missing_library('parquet')}") from None
    if output is None and sys.stdout.isatty():
        raise typer.BadParameter("parquet cannot be printed on a terminal: pass a file with --output")
    time = arrow.timestamp("us", tz="UTC")
    types = dict.fromkeys(_TEXT_FIELDS, arrow.string()) | dict.fromkeys(_TIME_FIELDS, time) | {"code": arrow.int32()}
    schema = arrow.schema([(name, types.get(name, arrow.float64())) for name in FIELDS])
    target = _open_output(output, is_text=False) if output else contextlib.nullcontext(sys.stdout.buffer)
    with target as stream, parquet.ParquetWriter(arrow.PythonFile(stream, mode="w"), schema) as writer:
        while group := list(itertools.islice(observations, _ROW_GROUP)):
            columns = {name: [getattr(observation, name) for observation in group] for name in FIELDS}
            writer.write_table(arrow.Table.from_pydict(columns, schema=schema))
