"""``weatherd export``: the journal as a stream, however long, in constant memory."""

from __future__ import annotations

import contextlib
import csv
import importlib
import itertools
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import typer

from weatherd.cli.commands.history import between, journal_of, place
from weatherd.cli.exit_codes import OK
from weatherd.formatting import to_dict
from weatherd.journal.reader import Reader
from weatherd.observation import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from weatherd.config.loader import Configuration
    from weatherd.observation import Observation

Format = Literal["csv", "jsonl", "parquet"]

_GROUP = 50_000  # observations that Parquet puts into a row group, and holds in memory
_TEXTS = ("city", "provider", "description", "station")
_TIMES = ("observed_at", "fetched_at")


def export(  # noqa: PLR0917 - an option each
    configuration: Configuration,
    style: Format,
    since: str | None,
    until: str | None,
    cities: Sequence[str],
    output: Path | None,
) -> int:
    """Write what was observed to a file or to standard output; raises StateError when there is no journal."""
    begin, end = between(since, until, datetime.now(UTC))
    with contextlib.closing(Reader(journal_of(configuration))) as reader:
        ids = [place(configuration, name, reader).id for name in cities]
        found = reader.iterate(begin, end if until else None, ids)
        if style == "parquet":
            _parquet(found, output)
        else:
            with _text(output) as stream:
                _WRITERS[style](found, stream)
    return OK


@contextlib.contextmanager
def _text(output: Path | None) -> Iterator[Any]:
    if output is None:
        yield sys.stdout
        return
    with output.open("w", encoding="utf-8", newline="") as stream:
        yield stream


def _csv(found: Iterator[Observation], stream: Any) -> None:
    writer = csv.DictWriter(stream, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(to_dict, found))


def _jsonl(found: Iterator[Observation], stream: Any) -> None:
    for each in found:
        stream.write(json.dumps(to_dict(each), ensure_ascii=False) + "\n")


_WRITERS = {"csv": _csv, "jsonl": _jsonl}


def _parquet(found: Iterator[Observation], output: Path | None) -> None:
    try:
        arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise typer.BadParameter("parquet needs pyarrow: pip install 'weatherd[parquet]'") from None
    if output is None and sys.stdout.isatty():
        raise typer.BadParameter("parquet is not for a terminal: name a file with --output")
    time = arrow.timestamp("us", tz="UTC")
    kinds = dict.fromkeys(_TEXTS, arrow.string()) | dict.fromkeys(_TIMES, time) | {"code": arrow.int32()}
    schema = arrow.schema([(name, kinds.get(name, arrow.float64())) for name in FIELDS])
    target = str(output) if output else arrow.PythonFile(sys.stdout.buffer, mode="w")
    with parquet.ParquetWriter(target, schema) as writer:
        while group := list(itertools.islice(found, _GROUP)):
            columns = {name: [getattr(each, name) for each in group] for name in FIELDS}
            writer.write_table(arrow.Table.from_pydict(columns, schema=schema))
