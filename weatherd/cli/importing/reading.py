"""Observations read from files, with every bad row reported."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weatherd.cli.importing.column_map import map_columns
from weatherd.cli.importing.exported_rows import REQUIRED, parse_exported
from weatherd.cli.importing.foreign_rows import ForeignRows
from weatherd.cli.importing.input_file import open_input
from weatherd.cli.importing.sorted_rows import open_row_sorter
from weatherd.cli.importing.source_rows import BadRow, FieldError
from weatherd.cli.options import ArgumentError
from weatherd.pipeline.quality.past_rows import judge_past

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from weatherd.cli.importing.city_names import CityNames
    from weatherd.cli.importing.input_file import FileFormat, InputFile
    from weatherd.cli.importing.source_rows import SourceRow
    from weatherd.cli.importing.summary import ImportSummary
    from weatherd.config.sections.quality import QualitySection
    from weatherd.observation import Observation
    from weatherd.text.units import ReaderUnits

    _Parser = Callable[[Any], Observation]

_BATCH = 5000  # rows in a transaction, so that a running daemon does not wait long


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How files are read."""

    units: ReaderUnits  # of an export
    city: str | None  # of all rows of other programs' files
    columns: Sequence[str]  # such as ``temperature=Temp (F):°F``
    provider: str
    time_format: str | None
    now: datetime
    limits: QualitySection  # for the quality of other programs' observations


class FileReader:
    """A reader of files one after another, which knows how much it has read."""

    def __init__(self, options: ImportOptions, names: CityNames, summary: ImportSummary) -> None:
        self._options = options
        self._names = names
        self._summary = summary
        self._bytes_before = 0  # of earlier files
        self._file: InputFile | None = None
        self._done = 1.0  # share of what was read that is yielded, too

    @property
    def bytes_read(self) -> int:
        """The bytes that were read so far, of all files. Those of a file that is sorted count half until it is."""
        return self._bytes_before + (int(self._file.tell() * (1 + self._done) / 2) if self._file else 0)

    def read(self, name: str, form: FileFormat) -> Iterator[list[Observation]]:
        """Yield the observations in a file, up to 5,000 at a time, or none while it is sorted.

        Those of an export are in its order; others are by time, because destinations get them in this order, and each
        of them once. Raises ArgumentError if nothing in the file can be an observation.
        """
        with open_input(name, form) as file:
            self._file = file
            parse, is_export = self._choose_parser(file)
            chunks = _split(self._parse_rows(name, file.rows, parse))
            yield from chunks if is_export else self._sort(chunks)
            self._bytes_before += file.tell()
            self._file = None

    def _parse_rows(self, name: str, rows: Iterable[SourceRow | BadRow], parse: _Parser) -> Iterator[Observation]:
        for row in rows:
            if isinstance(row, BadRow):
                self._summary.report_bad_row(f"{name}:{row.position}: {row.reason}")
                continue
            try:
                found = parse(row.values)
            except FieldError as error:
                self._summary.report_bad_row(f"{name}:{row.find_position(error.heading)}: {error}")
            else:
                yield found

    def _sort(self, chunks: Iterable[list[Observation]]) -> Iterator[list[Observation]]:
        """Yield observations by time, with their quality; of several with the same identity only the last."""
        with open_row_sorter() as sorter:
            self._done = 0.0
            for chunk in chunks:
                sorter.add(chunk)
                yield []
            total = sorter.count()
            self._summary.repeated += sorter.added - total
            for batch in _split(judge_past(sorter.read(), self._options.limits)):
                self._done += len(batch) / total
                yield batch
            self._done = 1.0

    def _choose_parser(self, file: InputFile) -> tuple[_Parser, bool]:
        """Return the parser of a file's rows, and whether it is an export of weatherd. Raises ArgumentError."""
        options, is_foreign = self._options, bool(self._options.columns or self._options.city)
        missing = [name for name in REQUIRED if file.columns is not None and name not in file.columns]
        if not missing and not is_foreign:
            return functools.partial(parse_exported, now=options.now, units=options.units), True
        if not file.delimiter:
            reason = f"it has no column {missing[0]}" if missing else "only CSV files can have other columns"
            raise ArgumentError(f"{file.name}: should be a file of weatherd export: {reason}")
        if options.units != "metric":
            raise ArgumentError("--units is for exports: other columns have units as in 'temperature=Temp (F):°F'")
        columns = map_columns(options.columns, file.columns or ())
        if options.city is None and "city" not in columns:
            raise ArgumentError(f"{file.name}: pass --city NAME or --column city=HEADING, because it is not an export")
        rows = ForeignRows(
            columns=columns,
            provider=options.provider,
            city=options.city,
            find_city=self._names.find,
            time_format=options.time_format,
            has_decimal_comma=file.delimiter != ",",
            now=options.now,
        )
        return rows.parse, False


def _split(rows: Iterable[Observation]) -> Iterator[list[Observation]]:
    """Yield rows in lists of up to 5,000."""
    rows = iter(rows)
    while batch := list(itertools.islice(rows, _BATCH)):
        yield batch
