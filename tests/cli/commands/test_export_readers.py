"""The lines of the documentation that read an export, run with the libraries that are installed."""

from __future__ import annotations

import csv
import importlib
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.fakes import BERLIN, KIEL, observation
from weatherd.cli.commands import export

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weatherd.observation import Observation

pytestmark = pytest.mark.once

ROWS = 30_001  # more than any reader looks at, to find the types
DOCUMENT = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
LINES = re.search(r"These lines read everything:\n\n```python\n(.*?)```", DOCUMENT, re.DOTALL)
SUMMARIES = re.search(r"In DuckDB:\n\n```sql\n(.*?)```", DOCUMENT, re.DOTALL)
ZONE = "Europe/Berlin"
STATEMENTS = re.search(r"```sql\n(SELECT \* FROM file\(.*?)```", DOCUMENT, re.DOTALL)


def make_rows() -> Iterator[Observation]:
    """Yield observations with a fraction and a visibility in the last one only; some were fetched at a microsecond."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(ROWS):
        moment = begin + timedelta(minutes=number)
        values: dict[str, Any] = {"temperature": 21.0}
        if number == ROWS - 1:
            values = {"temperature": 21.5, "visibility": 24140.5}
        yield observation(
            observed_at=moment, fetched_at=moment + timedelta(microseconds=499_999 + number % 3), **values
        )


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the export in three formats."""
    folder = tmp_path_factory.mktemp("exports")
    rows = export.ExportedRows(
        [replace(KIEL, tags=(("region", "north"),), timezone=ZONE), replace(BERLIN, tags=(("x", "1"),))], "metric", UTC
    )
    with (folder / "weather.csv").open("w", newline="") as file:
        export._write_csv(make_rows(), rows, file)
    with (folder / "weather.jsonl").open("w") as file:
        export._write_jsonl(make_rows(), rows, file)
    export._write_parquet(make_rows(), rows, folder / "weather.parquet")
    return folder


def read_rows(line: str) -> list[dict[str, Any]]:
    """Evaluate a line of the documentation and return its rows."""
    name, _, function = line.partition("(")[0].rpartition(".")
    library = name.partition(".")[0]
    pytest.importorskip(library)
    importlib.import_module(name)
    result = eval(line, {library: importlib.import_module(library)})  # noqa: S307 - from our own documentation
    assert function
    for method in ("to_dicts", "to_pylist"):
        if hasattr(result, method):
            return list(getattr(result, method)())
    if hasattr(result, "fetchall"):
        return [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]
    return list(result.to_dict("records"))


@pytest.mark.parametrize("line", LINES[1].splitlines() if LINES else [])
def test_a_documented_line_reads_every_value(line: str, exports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a number after 30,000 empty fields, and a fraction after 30,000 whole numbers."""
    monkeypatch.chdir(exports)
    rows = read_rows(line)
    assert len(rows) == ROWS
    assert (rows[-1]["temperature"], rows[-1]["visibility"]) == (21.5, 24140.5)
    assert rows[0]["visibility"] is None or rows[0]["visibility"] != rows[0]["visibility"]  # pandas' NaN
    assert all(isinstance(row["temperature"], float) for row in (rows[0], rows[-1]))
    time = rows[-1]["observed_at"]
    assert time == "2026-01-21T20:00:00Z" or time.astimezone(UTC) == datetime(2026, 1, 21, 20, tzinfo=UTC)


@pytest.mark.parametrize("statement", STATEMENTS[1].splitlines() if STATEMENTS else [])
def test_a_documented_statement_reads_every_value(
    statement: str, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ClickHouse reads what the lines above read; its library chdb is too large to be installed for every test."""
    chdb = pytest.importorskip("chdb")
    monkeypatch.chdir(exports)
    lines = str(chdb.query(statement.partition(";")[0], "JSONEachRow")).splitlines()
    first, last = json.loads(lines[0]), json.loads(lines[-1])
    assert len(lines) == ROWS
    assert (first["temperature"], first["visibility"]) == (21, None)
    assert (last["temperature"], last["visibility"]) == (21.5, 24140.5)
    assert last["observed_at"].startswith("2026-01-21 20:00:00")


def test_text_formats_have_every_field_and_no_number_without_a_point(exports: Path) -> None:
    """Each row of JSON Lines has all keys, whole numbers are 21.0, and times end in Z."""
    first = (exports / "weather.jsonl").read_text().partition("\n")[0]
    assert '"temperature": 21.0,' in first
    assert '"visibility": null' in first
    assert re.search(r'"observed_at": "[^"+]+Z"', first)
    header, row = (exports / "weather.csv").read_text().splitlines()[:2]
    assert header.count(",") == row.count(",")
    assert ",21.0," in row


def test_parquet_has_null_and_never_nan(exports: Path) -> None:
    """A missing value is null, whose mean differs from that of NaN in every reader."""
    parquet = pytest.importorskip("pyarrow.parquet")
    column = parquet.read_table(exports / "weather.parquet")["visibility"]
    assert column.null_count == ROWS - 1


@pytest.mark.parametrize("session", ["UTC", "Pacific/Auckland", "Australia/Lord_Howe"])
@pytest.mark.parametrize("statement", SUMMARIES[1].splitlines() if SUMMARIES else [])
def test_a_documented_summary_is_right_in_every_session(
    statement: str, session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days are those of the city, also one of 25 hours, and each of its hours has a row."""
    duckdb = pytest.importorskip("duckdb")
    midnight = datetime(2026, 10, 24, 22, tzinfo=UTC)
    times = [midnight + timedelta(minutes=30 * number) for number in range(-2, 52)]
    rows = [observation(observed_at=time, temperature=float(number // 2)) for number, time in enumerate(times, -2)]
    exported = export.ExportedRows([replace(KIEL, timezone=ZONE)], "metric", UTC)
    export._write_parquet(iter(rows), exported, tmp_path / "weather.parquet")
    monkeypatch.chdir(tmp_path)
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = '{session}'")
    found = connection.sql(statement).fetchall()
    if "local_date" in statement:
        assert [(f"{day}", low, high) for _, day, low, high in found] == [
            ("2026-10-24", -1.0, -1.0),
            ("2026-10-25", 0.0, 24.0),
            ("2026-10-26", 25.0, 25.0),
        ]
    else:
        assert [(hour.astimezone(UTC), mean) for _, hour, mean in found] == [
            (midnight + timedelta(hours=number), float(number)) for number in range(-1, 26)
        ]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_every_row_has_the_date_in_its_city(form: str, exports: Path) -> None:
    """In the zone of the city: 23:00 UTC is the next day in Berlin. Parquet has a date."""
    match form:
        case "csv":
            with (exports / "weather.csv").open(newline="") as file:
                rows: list[dict[str, Any]] = list(csv.DictReader(file))
        case "jsonl":
            rows = [json.loads(line) for line in (exports / "weather.jsonl").read_text().splitlines()]
        case _:
            rows = pytest.importorskip("pyarrow.parquet").read_table(exports / "weather.parquet").to_pylist()
            assert isinstance(rows[0]["local_date"], date)
    zone = ZoneInfo(ZONE)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    expected = [f"{(begin + timedelta(minutes=number)).astimezone(zone).date()}" for number in range(ROWS)]
    assert [f"{row['local_date']}" for row in rows] == expected
    assert expected[22 * 60 + 59 : 23 * 60 + 1] == ["2026-01-01", "2026-01-02"]
