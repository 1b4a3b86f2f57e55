"""``weatherd history`` by hours, days, weeks and months of the calendar."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_weatherd
from tests.support.fakes import KIEL, make_fetched, observation
from weatherd.journal.store import Store
from weatherd.observation import FetchedObservation

if TYPE_CHECKING:
    from pathlib import Path


def test_an_hour_that_comes_twice_has_two_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Their labels have the name of the time zone, as has the heading on both sides; a day of 25 hours has one row."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 1, lon: 1, timezone: Europe/Berlin}\n")
    midnight = datetime(2026, 10, 24, 22, tzinfo=UTC)
    stored = [
        observation(KIEL, observed_at=at, fetched_at=at, temperature=float(number))
        for number in range(25)
        for at in (midnight + timedelta(hours=number, minutes=30),)
    ]
    (tmp_path / "state").mkdir()
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        store.add([FetchedObservation(KIEL, observation) for observation in stored])
    arguments = ("history", "Kiel", "--config", str(tmp_path / "weatherd.yaml"), "--since", "2026-10-25")
    _, out, _ = run_weatherd(capsys, *arguments, "--until", "2026-10-25T05:00")
    assert out.startswith("Kiel: 25 Oct 2026 00:00 CEST to 25 Oct 2026 05:00 CET\n")
    assert [line.split("  ")[0] for line in out.splitlines() if line.startswith("Sun 25 Oct 02:00")] == [
        "Sun 25 Oct 02:00 CEST",
        "Sun 25 Oct 02:00 CET",
    ]
    _, out, _ = run_weatherd(capsys, *arguments, "--until", "2026-11-02", "--by", "day")
    assert [line.split()[3:] for line in out.splitlines() if line.startswith("Sun 25 Oct")] == [
        ["2026", "0.0", "12.0", "24.0", "6", "25", "25"]
    ]


@pytest.fixture
def rainy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a journal of 40 days: 1 mm of rain in each hour, a gust that grows by 0.1 m/s a day."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, timezone: Europe/Berlin}\n")
    monkeypatch.setenv("WEATHERD_CONFIG", str(tmp_path / "weatherd.yaml"))
    begin = datetime(2026, 9, 30, 22, tzinfo=UTC)  # October in Berlin
    values = [
        make_fetched(KIEL, observed_at=at, fetched_at=at, precipitation=1.0, wind_gust=10 + number // 96 / 10, code=63)
        for number in range(1, 96 * 40 + 1)
        for at in (begin + timedelta(minutes=15 * number),)
    ]
    (tmp_path / "state").mkdir()
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        store.add(values)
    return tmp_path


@pytest.mark.usefixtures("rainy")
def test_parts_of_the_calendar(capsys: pytest.CaptureFixture[str]) -> None:
    """Rain is summed although each value covers an hour; days have 23 to 25 hours, weeks begin on Monday."""
    arguments = ("history", "Kiel", "--since", "2026-10-20", "--until", "2026-11-05", "--format", "json")
    parts = json.loads(run_weatherd(capsys, *arguments, "--by", "day")[1])["parts"]
    assert [part["rain"] for part in parts] == [24.0] * 5 + [25.0] + [24.0] * 10  # clocks go back on 25 October
    assert parts[0]["begin"] == "2026-10-19T22:00:00Z"
    assert parts[-1]["end"] == "2026-11-04T23:00:00Z"
    weeks = json.loads(run_weatherd(capsys, *arguments, "--by", "week")[1])
    assert [part["begin"] for part in weeks["parts"]][:2] == ["2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"]
    assert weeks["rain"] == pytest.approx(sum(part["rain"] for part in weeks["parts"]))
    assert weeks["gust"] == max(part["gust"] for part in weeks["parts"])
    months = json.loads(run_weatherd(capsys, *arguments, "--by", "month")[1])["parts"]
    assert [(part["begin"], part["rain"]) for part in months] == [
        ("2026-09-30T22:00:00Z", 745.0),
        ("2026-10-31T23:00:00Z", 96.0),
    ]
    hours = list(csv.DictReader(io.StringIO(run_weatherd(capsys, *arguments[:-1], "csv", "--by", "hour")[1])))
    assert {part["rain"] for part in hours} == {"1.0"}
    assert len(hours) == 16 * 24 + 1


@pytest.mark.usefixtures("rainy")
def test_the_table_is_in_the_units_and_language_of_the_reader(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summary, headings, values and words; a row for a day has its date alone."""
    monkeypatch.setenv("WEATHERD_UNITS", "us")
    monkeypatch.setenv("WEATHERD_LANGUAGE", "sv")
    arguments = ("--since", "2026-10-25", "--until", "2026-10-26", "--by", "day")
    lines = run_weatherd(capsys, "history", "Kiel", *arguments)[1].splitlines()
    assert "mean 42.8 °F   rain 0.98 in   gust 28.0 mph   100 observations   0 frost days   22 heating" in lines[2]
    assert lines[2].endswith("22 heating degree days (base 64 °F)")
    names = ["from", "low", "mean", "high", "rain", "in", "gust", "mph", "degree", "days", "hours", "observations"]
    assert lines[3].startswith("all days since 01 Oct 2026:   lowest 42.8 °F (01 Oct 2026)")
    assert "windiest 28.0 mph" in lines[3]
    assert lines[4].split() == names
    values = ["Sun", "25", "Oct", "2026", "42.8", "42.8", "42.8", "0.98", "28.0", "22", "25", "100"]
    assert lines[5].split() == values
    hours = run_weatherd(capsys, "history", "Kiel", *arguments[:-1], "hour")[1].splitlines()
    assert hours[3].split() == ["from", "low", "mean", "high", "rain", "in", "gust", "mph", "weather", "observations"]
    assert hours[-1].split() == ["Sun", "25", "Oct", "23:00", "42.8", "42.8", "42.8", "0.04", "28.0", "regn", "4"]
    document = json.loads(run_weatherd(capsys, "history", "Kiel", *arguments, "--format", "json")[1])
    assert (document["low"], document["rain"]) == (6.0, 25.0)
