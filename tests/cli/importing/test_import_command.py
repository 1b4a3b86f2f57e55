"""``weatherd import``: formats, damaged files, repetition, and a journal that is in use."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.commands import run_weatherd
from tests.support.fakes import KIEL, observation
from weatherd.cli.commands import export
from weatherd.cli.importing.value_limits import QUANTITY_BOUNDS
from weatherd.formatting import to_dict
from weatherd.journal.reader import Reader
from weatherd.journal.state_folder import lock_state_folder
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.observation import FetchedObservation

if TYPE_CHECKING:
    from weatherd.cli.importing.input_file import FileFormat
    from weatherd.observation import Observation
    from weatherd.text.units import ReaderUnits

TIME = "2026-01-31T12:00:00Z, not '2026-01-01T00:00:00'"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PAST = datetime(1899, 12, 31, 23, tzinfo=UTC)
FUTURE = datetime(2150, 1, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder with settings and a list."""
    (tmp_path / "weatherd.yaml").write_text("state: state\nretention: null\n")
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 54.305902, lon: 10.123282}\n")
    monkeypatch.setenv("WEATHERD_CONFIG", str(tmp_path / "weatherd.yaml"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_rows(count: int, **values: Any) -> list[Observation]:
    """Return observations every ten minutes."""
    times = [BEGIN + timedelta(minutes=10 * number) for number in range(count)]
    return [observation(observed_at=time, fetched_at=time, **values) for time in times]


def format_lines(rows: list[Observation]) -> str:
    """Return observations as JSON Lines."""
    return "".join(f"{json.dumps(to_dict(row))}\n" for row in rows)


def write_export(file: Path, rows: list[Observation], units: ReaderUnits = "metric") -> Path:
    """Write the observations as ``weatherd export`` does, in the format of the file's name."""
    exported = export.ExportedRows([KIEL], units, UTC)
    if file.suffix == ".parquet":
        export._write_parquet(iter(rows), exported, file)
    else:
        with file.open("w", encoding="utf-8", newline="") as stream:
            write = export._write_csv if file.suffix == ".csv" else export._write_jsonl
            write(iter(rows), exported, stream)
    return file


def read_journal(folder: Path) -> list[Observation]:
    """Return all observations in the journal."""
    with closing(Reader(folder / "state" / JOURNAL_FILE)) as reader:
        return list(reader.iterate(None, None, []))


def test_several_files_and_compressed_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are read one after another; a dry run adds nothing, not even a journal."""
    rows = make_rows(12_000)
    (folder / "a.jsonl").write_text(format_lines(rows[:7000]))
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(format_lines(rows[7000:]).encode()))
    span = "2026-01-01T00:00:00Z to 2026-03-25T07:50:00Z"
    assert run_weatherd(capsys, "import", "a.jsonl", "b.jsonl.gz", "--dry-run") == (
        0,
        f"would import up to 12,000 observations of 1 city, {span}\n",
        "",
    )
    assert not (folder / "state").exists()
    expected = f"imported 12,000 of 12,000 observations of 1 city, {span}\n"
    assert run_weatherd(capsys, "import", "a.jsonl", "b.jsonl.gz") == (0, expected, "")
    assert read_journal(folder) == rows


def test_a_file_with_the_newest_row_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It gives the same journal, days included, as one in order of time, with more rows than a transaction has.

    Destinations get the rows by time, the local hour that comes twice has all of its rows, and of those of the same
    time only the last counts, however far apart they are.
    """
    begin = datetime(2026, 10, 20, tzinfo=UTC)
    moments = [begin + timedelta(minutes=number) for number in range(9 * 1440)]
    lines = [f"{moment.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d %H:%M},{moment.hour}.5" for moment in moments]
    found = {}
    for name, ordered in {"up": lines, "down": lines[::-1]}.items():
        (folder / "weatherd.yaml").write_text(f"state: {name}\nretention: null\ntimezone: Europe/Berlin\n")
        (folder / "log.csv").write_text("\n".join(["time,temperature", *ordered[:1], *ordered, ""]))
        code, out, err = run_weatherd(capsys, "import", "log.csv", "--city", "Kiel")
        assert (code, err) == (0, "")
        assert out.startswith("imported 12,960 of 12,960 observations of 1 city")
        assert out.endswith("left out 1 line with the same time as a later one\n")
        with closing(Reader(folder / name / JOURNAL_FILE)) as reader:
            rows = list(reader.iterate(None, None, []))
            days = reader.read_days("kiel", ZoneInfo("Europe/Berlin"), begin.date(), moments[-1].date())
        assert [row.observed_at for row in rows] == moments
        found[name] = [row.temperature for row in rows], days
    assert found["up"] == found["down"]
    assert round(found["up"][1][5].hours) == 25


def test_a_repeated_import_adds_the_rest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As after an interruption: what is there already counts, and stays."""
    rows = make_rows(100)
    (folder / "a.jsonl").write_text(format_lines(rows[:60]))
    run_weatherd(capsys, "import", "a.jsonl")
    (folder / "a.jsonl").write_text(format_lines(rows))
    _, out, _ = run_weatherd(capsys, "import", "a.jsonl")
    assert out.startswith("imported 40 of 100 observations")
    assert out.endswith("; the journal had 60 of them already\n")
    assert read_journal(folder) == rows


def test_nothing_replaces_what_weatherd_has_observed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An observation with the same city, time, provider and station stays, also against another live one."""
    (folder / "state").mkdir()
    with closing(Store(folder / "state" / JOURNAL_FILE)) as store:
        store.add([FetchedObservation(KIEL, row) for row in make_rows(3, temperature=1.0)])
    (folder / "a.jsonl").write_text(
        format_lines([*make_rows(4, temperature=2.0), *make_rows(4, temperature=3.0, origin="import")])
    )
    run_weatherd(capsys, "import", "a.jsonl")
    assert [row.temperature for row in read_journal(folder)] == [1.0, 1.0, 1.0, 2.0]


def test_a_running_daemon_does_not_matter(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its lock keeps out other daemons, not an import; a city's latest observation stays the daemon's."""
    (folder / "a.jsonl").write_text(format_lines(make_rows(10, temperature=2.0)))
    latest = observation(observed_at=BEGIN + timedelta(days=30), fetched_at=BEGIN + timedelta(days=30))
    with lock_state_folder(folder / "state"), closing(Store(folder / "state" / JOURNAL_FILE)) as store:
        store.add([FetchedObservation(KIEL, latest)])
        assert run_weatherd(capsys, "import", "a.jsonl")[0] == 0
        later = latest._replace(observed_at=BEGIN + timedelta(days=31))
        store.add([FetchedObservation(KIEL, later, follows=True)])
        assert [last.observation for last in store.load((BEGIN + timedelta(days=31)).timestamp()).latest] == [later]
    assert len(read_journal(folder)) == 12


def test_bad_lines_of_json_have_positions(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the mistake, or of the value."""
    (row,) = make_rows(1)
    line = json.dumps(to_dict(row))

    def find(value: str) -> int:
        return line.index(value) + 1

    bad = [
        line[:-1],
        "[1]",
        line.replace("6.0", '"warm"'),
        line.replace("6.0", "NaN"),
        line.replace("kiel", "Kiel!"),
        line.replace('"light rain"', '"light\\u001brain"'),
        line.replace('"observed_at": "2026-01-01T00:00:00Z"', '"observed_at": "2026-01-01T00:00:00"'),
        line.replace('"fetched_at"', '"fetched"'),
        line.replace('"live"', '"dreamt"'),
        line.replace("61", "61.5"),
    ]
    (folder / "a.jsonl").write_text("\n".join([*bad, "", line, ""]))
    code, out, err = run_weatherd(capsys, "import", "a.jsonl")
    assert (code, out.splitlines()[1:]) == (65, ["skipped 10 bad lines"])
    assert err.splitlines() == [
        f"a.jsonl:1:{len(line)}: is not JSON: Expecting ',' delimiter",
        "a.jsonl:2:1: should be a JSON object",
        f"a.jsonl:3:{find('6.0')}: temperature should be a number, not 'warm'",
        f"a.jsonl:4:{find('6.0')}: temperature should be a number, not 'nan'",
        "a.jsonl:5:10: city should be an id such as sao-paulo, not 'Kiel!'",
        f"a.jsonl:6:{find('light rain') - 1}: description should be one line of printable text, not 'light\\x1brain'",
        f"a.jsonl:7:{find('2026') - 1}: observed_at should be a time with a time zone such as {TIME}",
        "a.jsonl:8:1: has no fetched_at",
        f"a.jsonl:9:{find('live') - 1}: origin should be one of live, backfill, import, not 'dreamt'",
        f"a.jsonl:10:{find('61')}: code should be a whole number from 0 to 99, not '61.5'",
    ]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("temperature", 500.0, "temperature should be from -100.0 °C to 70.0 °C, not '500.0'"),
        ("precipitation", -4.0, "precipitation should be from 0.0 mm to 1000.0 mm, not '-4.0'"),
        ("wind_direction", 720.0, "wind_direction should be from 0 ° to 360 °, not '720.0'"),
        ("relative_humidity", 150.0, "relative_humidity should be from 0 % to 110 %, not '150.0'"),
        ("visibility", 1e300, "visibility should be from 0 m to 1000000 m, not '1e+300'"),
        ("code", 12345, "code should be a whole number from 0 to 99, not '12345'"),
        ("fetched_at", FUTURE, "fetched_at 2150-01-01T00:00:00Z is in the future: is the clock right?"),
        ("observed_at", FUTURE, "observed_at 2150-01-01T00:00:00Z is in the future: is the clock right?"),
        ("observed_at", PAST, "observed_at 1899-12-31T23:00:00Z is before 1900"),
        ("quality", "suspect: banana split", "quality should be ok, or such as suspect: temperature step, not "),
        ("quality", "suspect: ", "quality should be ok, or such as suspect: temperature step, not "),
    ],
)
def test_impossible_values_of_an_export_are_bad(  # noqa: PLR0917 - pytest's
    folder: Path, capsys: pytest.CaptureFixture[str], form: FileFormat, field: str, value: Any, reason: str
) -> None:
    """As those of other programs, in each format, at their position; the other rows are imported."""
    good = observation(observed_at=BEGIN, fetched_at=BEGIN)
    rows = [good, good._replace(observed_at=BEGIN + timedelta(hours=1))._replace(**{field: value})]
    file = write_export(folder / f"a.{form}", rows)
    code, out, err = run_weatherd(capsys, "import", file.name)
    assert (code, out.splitlines()[1:]) == (65, ["skipped 1 bad line"])
    position, _, found = err.strip().partition(": ")
    assert found.startswith(reason)
    assert re.fullmatch(rf"a\.parquet:row 2:{field}|a\.(csv:3|jsonl:2):\d+", position)
    assert read_journal(folder) == [good]


@pytest.mark.usefixtures("folder")
def test_a_forgotten_option_for_the_units_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    """If a value would be possible in the other units; in both directions, and not otherwise."""
    row = observation(observed_at=BEGIN, fetched_at=BEGIN, temperature=17.6, pressure_msl=1008.1)
    write_export(Path("us.csv"), [row], "us")
    write_export(Path("metric.csv"), [row])
    write_export(Path("none.csv"), [row._replace(pressure_msl=5000.0)])
    question, remedy = "was it exported with --units", "Then pass that to import"
    code, out, err = run_weatherd(capsys, "import", "us.csv")
    assert (code, out.splitlines()[-1]) == (65, "skipped 1 bad line")
    rule = "pressure_msl should be from 800.0 hPa to 1150.0 hPa, not"
    assert re.sub(r":2:\d+", "", err) == f"us.csv: {rule} '29.77': {question} us? {remedy}\n"
    assert run_weatherd(capsys, "import", "us.csv", "--units", "us")[0] == 0
    _, _, err = run_weatherd(capsys, "import", "metric.csv", "--units", "us")
    rule = "pressure_msl should be from 23.62 inHg to 33.96 inHg, not"
    assert re.sub(r":2:\d+", "", err) == f"metric.csv: {rule} '1008.1': {question} metric or uk? {remedy}\n"
    assert run_weatherd(capsys, "import", "none.csv")[2].endswith(", not '5000.0'\n")


@pytest.mark.parametrize("units", ["metric", "us", "uk"])
def test_the_bounds_are_possible_in_all_units(
    folder: Path, capsys: pytest.CaptureFixture[str], units: ReaderUnits
) -> None:
    """An export of them is imported, although it is rounded, and so is an export of what was imported."""
    for index in (0, 1):
        values: dict[str, Any] = {name: bound[index] for name, bound in QUANTITY_BOUNDS.items()}
        file = write_export(
            folder / f"{index}.csv", [observation(observed_at=BEGIN, fetched_at=BEGIN, **values)], units
        )
        assert run_weatherd(capsys, "import", file.name, "--units", units, "--dry-run")[0] == 0
        assert run_weatherd(capsys, "import", file.name, "--units", units)[0] == 0
        write_export(folder / "again.csv", read_journal(folder))
        assert run_weatherd(capsys, "import", "again.csv")[0] == 0
        shutil.rmtree(folder / "state")


@pytest.mark.usefixtures("folder")
def test_standard_input_needs_a_format(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """As does a file whose name has none."""
    rows, codes = make_rows(3), list[int]()
    for options in ([], ["--format", "jsonl"]):
        command = [sys.executable, "-m", "weatherd", "import", "-", *options]
        codes.append(subprocess.run(command, input=format_lines(rows).encode(), check=False).returncode)  # noqa: S603
    assert codes == [64, 0]
    assert read_journal(folder) == rows
    reason = "weatherd: log: pass its format, such as --format csv, because the name does not have it\n"
    assert run_weatherd(capsys, "import", "log") == (64, "", reason)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", None, "cannot be read: No such file or directory"),
        ("a.csv", "time;Temp °\n".encode("latin-1"), "is not UTF-8 text; convert it first, for example iconv"),
        ("a.csv.gz", gzip.compress(b"time,temperature\n" * 9999)[:20], "cannot be read: Compressed file ended"),
        ("a.csv.gz", b"time,temperature\n", "cannot be read: Not a gzipped file"),
        ("a.parquet", b"PAR2", "is not Parquet: "),
    ],
    ids=["missing", "latin-1", "cut short", "not compressed", "not parquet"],
)
def test_a_damaged_file_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, reason: str
) -> None:
    """What is wrong with it and, if there is any, a remedy; exit code 64."""
    if content is not None:
        (folder / name).write_bytes(content)
    code, _, err = run_weatherd(capsys, "import", name, "--city", "Kiel")
    assert code == 64
    assert err.startswith(f"weatherd: {name}: {reason}")


def test_the_retention_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If observations are older: the daemon will delete them, and keep their days."""
    (folder / "a.jsonl").write_text(format_lines(make_rows(2)))
    (folder / "weatherd.yaml").write_text("state: state\nretention: 10d\n")
    expected = "weatherd run deletes observations after 'retention' (10d), and keeps their days; null keeps them all\n"
    assert run_weatherd(capsys, "import", "a.jsonl")[2] == expected
    (folder / "weatherd.yaml").write_text("state: state\nretention: 3650d\n")
    assert run_weatherd(capsys, "import", "a.jsonl")[2] == ""
