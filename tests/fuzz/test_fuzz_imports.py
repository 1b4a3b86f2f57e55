"""Corrupted files to import: each row is an observation that the journal accepts, or is reported."""

from __future__ import annotations

import io
import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow.parquet
import pytest

from tests.fuzz.corruption import corrupt_bytes, draw_corrupted
from tests.support.fakes import KIEL, observation
from weatherd.cli.commands import export
from weatherd.cli.importing.city_names import CityNames
from weatherd.cli.importing.reading import FileReader, ImportOptions
from weatherd.cli.importing.summary import ImportSummary
from weatherd.cli.importing.value_limits import QUANTITY_BOUNDS
from weatherd.cli.options import ArgumentError
from weatherd.config.sections.quality import QualitySection
from weatherd.formatting import to_dict
from weatherd.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from weatherd.cli.importing.input_file import FileFormat

pytestmark = pytest.mark.once

COUNT = 1_000  # files of each kind
ROWS = [observation(station="S", wind_gust=3.5), observation(origin="import", quality="suspect: temperature step")]
FOREIGN = 'Zeit;T;city;note\n2026-01-01 12:00;21,5;Kiel;"a;\nb"\n2026-10-25 02:30;-999;Bonn;\n1.1.2026;x;;\n'
EXPORT = ImportOptions("metric", None, (), "import", None, datetime(2027, 1, 1, tzinfo=UTC), QualitySection())
OTHER = replace(EXPORT, columns=["time=Zeit", "temperature=T:F"])


def is_possible(row: Observation) -> bool:
    """Return whether the quantities of an observation are within their bounds."""
    values = row._asdict()
    return all(values[name] is None or low <= values[name] <= high for name, (low, high) in QUANTITY_BOUNDS.items())


def read_all(files: Iterable[bytes], file: Path, form: FileFormat, options: ImportOptions) -> tuple[int, int]:
    """Read corrupted files; return the numbers of observations, which are valid, and of bad rows."""
    found, bad, reasons = 0, 0, list[str]()
    for number, content in enumerate(files):
        file.write_bytes(content)
        summary = ImportSummary()
        try:
            for batch in FileReader(options, CityNames([KIEL], UTC), summary).read(str(file), form):
                found += len(batch)
                assert [row.find_problem() for row in batch if row.find_problem()] == []
                assert [row for row in batch if not is_possible(row)] == []
        except ArgumentError as error:
            reasons.append(f"{error}")
        except Exception as error:
            error.add_note(f"{number}: {content[:2000]!r}")
            raise
        bad += summary.bad_rows
    assert [reason for reason in reasons if "\n" in reason] == []
    return found, bad


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_corrupted_exports(form: FileFormat, tmp_path: Path) -> None:
    """Bytes of all formats, and values of JSON Lines."""
    rows, text = export.ExportedRows([KIEL], "metric", UTC), io.StringIO()
    draws, count = random.Random(f"imports {form}"), COUNT
    match form:
        case "csv":
            export._write_csv(iter(ROWS), rows, text)
            content = text.getvalue().encode()
        case "jsonl":
            export._write_jsonl(iter(ROWS), rows, text)
            content = text.getvalue().encode()
        case _:
            count = 300
            export._write_parquet(iter(ROWS), rows, tmp_path / "export")
            content = (tmp_path / "export").read_bytes()
    files = (corrupt_bytes(content, draws) for _ in range(count))
    found, bad = read_all(files, tmp_path / "file", form, EXPORT)
    assert found > count // (100 if form == "parquet" else 10)  # nearly all damages make it unreadable
    assert bad > count // 10 or form == "parquet"
    if form == "jsonl":
        lines = draw_corrupted([json.dumps(to_dict(row)).encode() for row in ROWS], "imports", COUNT)
        found, bad = read_all(lines, tmp_path / "file", form, EXPORT)
        assert min(found, bad) > COUNT // 20  # because most of the other values are impossible


def test_corrupted_files_of_other_programs(tmp_path: Path) -> None:
    """With quoted values, line breaks in them, decimal commas and marks of missing values."""
    draws = random.Random("other programs")
    files = (corrupt_bytes(FOREIGN.encode(), draws) for _ in range(COUNT))
    found, bad = read_all(files, tmp_path / "file", "csv", OTHER)
    assert min(found, bad) > COUNT // 10


def test_parquet_of_other_types(tmp_path: Path) -> None:
    """Columns with other types than those of an export are reported value by value."""
    columns = {name: [[1], [2]] for name in Observation._fields} | {
        "temperature": [1.5, None],
        "city": ["kiel", "kiel"],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "file")
    assert read_all([(tmp_path / "file").read_bytes()], tmp_path / "file", "parquet", EXPORT) == (0, 2)
