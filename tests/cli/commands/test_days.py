"""``weatherd days`` and ``weatherd history --by``: what outlives the observations."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.journal.old_files import observation_row, write_version_10
from tests.support.commands import run_weatherd
from tests.support.fakes import KIEL, make_fetched
from weatherd.journal.rows import to_micros
from weatherd.journal.store import Store

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = datetime(2026, 1, 30, 23, tzinfo=UTC)  # midnight in Kiel, before a Saturday


@pytest.fixture
def frosty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a journal of two days of frost, one of 20 °C, each hour with 0.5 mm of rain, and two hours a week later."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, timezone: Europe/Berlin}\n")
    monkeypatch.setenv("WEATHERD_CONFIG", str(tmp_path / "weatherd.yaml"))
    (tmp_path / "state").mkdir()
    values = [
        make_fetched(KIEL, observed_at=at, fetched_at=at, precipitation=0.5, temperature=-2.0 if hour < 48 else 20.0)
        for hour in range(72)
        for at in (BEGIN + timedelta(hours=hour),)
    ]
    file = tmp_path / "state" / "weatherd.sqlite"
    with closing(Store(file)) as store:
        store.add(values)
        later = [BEGIN + timedelta(days=9, minutes=minute) for minute in range(120)]
        store.add([make_fetched(KIEL, observed_at=at, fetched_at=at) for at in later])
    return file


def read_days(file: Path) -> list[Any]:
    """Return the rows of the table of days."""
    with closing(sqlite3.connect(file)) as db:
        return db.execute("SELECT * FROM day ORDER BY date").fetchall()


def test_days_are_stored_and_rebuilt(frosty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rebuild stores the days that are over, gives the same rows again, and repairs what was changed."""
    assert run_weatherd(capsys, "days")[1].startswith("no days are stored yet")
    code, out, _ = run_weatherd(capsys, "days", "--rebuild")
    assert (code, out) == (0, "3 days computed\n3 days of 1 city, from 2026-01-31 to 2026-02-02\n")
    rows = read_days(frosty)
    run_weatherd(capsys, "days", "--rebuild")
    assert read_days(frosty) == rows
    with closing(sqlite3.connect(frosty)) as db, db:
        db.execute("UPDATE day SET low = 0 WHERE date = (SELECT min(date) FROM day)")
        db.execute("DELETE FROM day WHERE date = (SELECT max(date) FROM day)")
    run_weatherd(capsys, "days", "--rebuild")
    assert read_days(frosty) == rows


def test_a_rebuild_after_an_upgrade_has_all_days(frosty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It does not wait until a daemon has moved the observations that the older version wrote."""
    frosty.unlink()
    later = [timedelta(days=9, minutes=minute) for minute in range(120)]
    times = [to_micros(BEGIN + age) for age in (*(timedelta(hours=hour) for hour in range(72)), *later)]
    write_version_10(frosty, [observation_row(1 + n, "kiel", at, at, 5.0) for n, at in enumerate(times)], 192)
    Store(frosty).close()  # as by a daemon that was stopped within its first minute
    code, out, _ = run_weatherd(capsys, "days", "--rebuild")
    assert (code, out) == (0, "3 days computed\n3 days of 1 city, from 2026-01-31 to 2026-02-02\n")
    with closing(sqlite3.connect(frosty)) as db:
        assert db.execute("SELECT sum(observations) FROM day").fetchone() == (72,)


def test_parts_outlive_the_observations(frosty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Weeks, months and years are the same before the days are stored, after it, and after a deletion."""

    def read_parts(part: str) -> Any:
        arguments = ("history", "Kiel", "--by", part, "--since", "2026-01-01", "--until", "2026-02-03")
        return json.loads(run_weatherd(capsys, *arguments, "--format", "json")[1])

    parts = ("day", "week", "month", "year")
    before = [read_parts(part) for part in parts]
    run_weatherd(capsys, "days", "--rebuild")
    assert [read_parts(part) for part in parts] == before
    with closing(Store(frosty)) as store:
        end = BEGIN + timedelta(days=8)
        assert store.prune(end.timestamp(), end.timestamp() + 86400, None, []).deleted == 72
    assert [read_parts(part) for part in parts] == before
    run_weatherd(capsys, "days", "--rebuild")
    assert [read_parts(part) for part in parts] == before
    january, february = before[2]["parts"]
    assert (january["frost_days"], january["degree_days"], january["mean"]) == (1, 20.0, -2.0)
    assert (february["frost_days"], february["degree_days"], february["mean"]) == (1, 20.0, 9.0)
    assert (january["begin"], february["begin"]) == ("2025-12-31T23:00:00Z", "2026-01-31T23:00:00Z")
    assert (january["rain"], february["rain"]) == (12.0, 23.5)  # the last hour of 2 February is not observed
    assert [week["days"] for week in before[1]["parts"]] == [0, 0, 0, 0, 2, 1]
    assert before[3]["parts"][0]["count"] == 72


@pytest.mark.usefixtures("frosty")
def test_the_table_has_one_row_for_a_gap(capsys: pytest.CaptureFixture[str]) -> None:
    """Leading and trailing parts without observations are left out."""
    lines = run_weatherd(capsys, "history", "Kiel", "--by", "day", "--since", "2026-01-01", "--until", "2026-02-10")[1]
    rows = lines.splitlines()[5:]
    assert [row.split()[:3] for row in rows] == [
        *(["Sat", "31", "Jan"], ["Sun", "01", "Feb"], ["Mon", "02", "Feb"], ["Tue", "03", "Feb"], ["Mon", "09", "Feb"])
    ]
    assert rows[3].split()[4:] == ["–"] * 7


@pytest.mark.usefixtures("frosty")
def test_zone_of_the_machine_does_not_matter(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A city with a time zone has the same days wherever weatherd runs."""
    found = []
    for zone in ("UTC", "Pacific/Auckland"):
        monkeypatch.setenv("TZ", zone)
        arguments = ("--by", "day", "--since", "2026-01-01", "--until", "2026-02-10")
        found.append(run_weatherd(capsys, "history", "Kiel", *arguments, "--format", "csv")[1])
    assert found[0] == found[1]
    assert str(date(2026, 1, 30)) in found[0]


def test_records_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The last day has the lowest temperature since the day that had the same, and the most rain of all.

    Each day was observed for one hour only, which is said: of that day, and of those with which it is compared.
    """
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, timezone: Europe/Berlin}\n")
    monkeypatch.setenv("WEATHERD_CONFIG", str(tmp_path / "weatherd.yaml"))
    (tmp_path / "state").mkdir()
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        values = [
            make_fetched(
                KIEL, observed_at=at, fetched_at=at, temperature=-12.0 if day in {12, 63} else 3.0, precipitation=rain
            )
            for day in range(64)
            for at, rain in ((BEGIN + timedelta(days=day, hours=12), 2.0 if day == 63 else 0.0),)
        ]
        store.add(values)
    arguments = ("history", "Kiel", "--by", "week", "--until", "2026-04-05")
    lines = run_weatherd(capsys, *arguments)[1].splitlines()
    few = "days between had fewer than 18 observed hours"
    extremes = (
        "all days since 31 Jan 2026:   lowest -12.0 °C (12 Feb 2026, 1 observed hour)   highest 3.0 °C (31 Jan 2026, "
        "1 observed hour)   wettest 2.0 mm (04 Apr 2026, 1 observed hour)   62 days with fewer than 18 observed hours"
    )
    assert lines[3:6] == [
        f"04 Apr 2026 has the lowest temperature since 12 Feb 2026: -12.0 °C, in 1 observed hour (50 {few})",
        f"04 Apr 2026 has the most rain since the record began on 31 Jan 2026: 2.0 mm, in 1 observed hour (62 {few})",
        extremes,
    ]
    document = json.loads(run_weatherd(capsys, *arguments, "--format", "json")[1])
    lowest, wettest = document["records"]
    assert [(found["kind"], found["date"]) for found in document["extremes"]] == [
        ("lowest", "2026-02-12"),
        ("highest", "2026-01-31"),
        ("wettest", "2026-04-04"),
    ]
    assert (document["days"], document["complete_days"]) == (64, 0)
    assert lowest == {
        "kind": "lowest",
        "value": -12.0,
        "date": "2026-04-04",
        "since": "2026-02-12",
        "first": "2026-01-31",
        "hours": 1.0,
        "incomplete": 50,
    }
    assert (wettest["kind"], wettest["since"]) == ("wettest", None)


def test_days_are_exported(frosty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CSV and JSON Lines have the same days, before and after they are stored; a city that left is among them."""
    header, *lines = run_weatherd(capsys, "export", "--days")[1].splitlines()
    assert header.split(",")[:5] == ["city", "name", "date", "low", "low_at"]
    assert [line.split(",")[:4] for line in lines] == [
        ["kiel", "Kiel", f"2026-{day}", low]
        for day, low in (("01-31", "-2.0"), ("02-01", "-2.0"), ("02-02", "20.0"), ("02-09", "6.0"))
    ]
    run_weatherd(capsys, "days", "--rebuild")
    assert run_weatherd(capsys, "export", "--days")[1].splitlines() == [header, *lines]
    (frosty.parents[1] / "cities.yaml").write_text("cities: []\n")
    code, out, _ = run_weatherd(
        capsys, "export", "--days", "-f", "jsonl", "--since", "2026-02-01", "--until", "2026-02-02"
    )
    found = [json.loads(line) for line in out.splitlines()]
    assert (code, found[0]["city"], found[0]["low"], found[0]["providers"]) == (0, "kiel", -2.0, "fake")
    code, _, err = run_weatherd(capsys, "export", "--days", "--units", "us")
    assert (code, "metric units" in err) == (64, True)


def test_days_are_exported_as_parquet(frosty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The columns are those of CSV, with dates, times and numbers as such, and have the same values."""
    parquet = pytest.importorskip("pyarrow.parquet")
    file = frosty.parents[1] / "days.parquet"
    assert run_weatherd(capsys, "export", "--days", "-f", "parquet", "-o", str(file))[0] == 0
    rows = parquet.read_table(file).to_pylist()
    texts = [json.loads(line) for line in run_weatherd(capsys, "export", "--days", "-f", "jsonl")[1].splitlines()]
    assert len(rows) == 4
    assert rows[0]["date"] == date(2026, 1, 31)
    assert rows[0]["low_at"] == datetime.fromisoformat(texts[0]["low_at"])
    for row, text in zip(rows, texts, strict=True):
        assert list(row) == list(text)
        for name, value in row.items():
            assert (value == text[name]) or isinstance(value, date), name
