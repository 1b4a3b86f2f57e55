"""``weatherd history``, on a journal made by the test."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tests.support.commands import run_weatherd
from tests.support.fakes import KIEL, make_fetched, observation
from weatherd.formatting import to_dict
from weatherd.journal.store import Store
from weatherd.observation import FetchedObservation

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.observation import Observation


NOW = datetime.now(UTC).replace(microsecond=0)


def test_history_shows_a_day(stored: list[Observation], capsys: pytest.CaptureFixture[str]) -> None:
    """It shows low, mean and high in the city's time zone; a gap is visible in the sparkline and the table."""
    code, out, _ = run_weatherd(capsys, "history", "kiel")
    temperatures = [observation.temperature for observation in stored]
    low = min(stored, key=lambda observation: observation.temperature)
    assert code == 0
    assert "JST" in out.splitlines()[0]
    assert " " * 10 in out.splitlines()[1].strip()
    at = low.observed_at.astimezone(ZoneInfo("Asia/Tokyo"))
    assert f"low {low.temperature:.1f} °C ({at:%d %b %H:%M})" in out
    assert f"mean {sum(temperatures) / len(stored):.1f} °C   {len(stored)} observations" in out
    gap = [index for index, line in enumerate(out.splitlines()) if line.split()[-1] == "–"]
    assert len(gap) == 1  # however long it is
    assert gap[0] < len(out.splitlines()) - 1


@pytest.mark.parametrize("style", ["json", "csv"])
def test_history_as_json_and_csv(stored: list[Observation], capsys: pytest.CaptureFixture[str], style: str) -> None:
    """Both have all observations in the range with every field, oldest first; JSON has their summary, too."""
    code, out, _ = run_weatherd(capsys, "history", "Kiel", "--since", "2h", "--until", "1h", "--format", style)
    document = json.loads(out) if style == "json" else None
    rows = document["observations"] if document else list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    wanted = [to_dict(observation) for observation in reversed(stored[5:11])]
    assert [row["observed_at"] for row in rows] == [observation["observed_at"] for observation in wanted]
    if document:
        values = [observation["temperature"] for observation in wanted]
        assert (document["city"], document["name"], document["timezone"]) == ("kiel", "Kiel", "Asia/Tokyo")
        assert (document["count"], document["low"], document["high"]) == (6, min(values), max(values))
        assert document["mean"] == pytest.approx(sum(values) / 6)
        assert (document["rain"], document["gust"]) == (None, None)


def test_a_city_without_observations(stored: list[Observation], capsys: pytest.CaptureFixture[str]) -> None:
    """The output is empty and the exit code 0."""
    assert stored
    code, out, _ = run_weatherd(capsys, "history", "Bonn")
    assert (code, out.splitlines()[-1]) == (0, "no observations")


@pytest.mark.usefixtures("stored")
def test_one_observation_is_singular(capsys: pytest.CaptureFixture[str]) -> None:
    """The summary of one observation says so."""
    assert run_weatherd(capsys, "history", "Kiel", "--since", "15m")[1].splitlines()[2].endswith(" 1 observation")


@pytest.mark.usefixtures("stored")
def test_a_narrow_terminal_shows_the_important_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 40 columns the times and temperatures are complete, and a note names the other columns."""
    monkeypatch.setenv("COLUMNS", "40")
    lines = run_weatherd(capsys, "history", "Kiel")[1].splitlines()
    assert max(map(len, lines)) <= 40
    assert "…" not in "".join(lines)
    (heading,) = [line for line in lines if line.startswith("from")]
    assert heading.split() == ["from", "low", "mean", "high"]
    assert "hidden at this width: weather," in "\n".join(lines)


@pytest.mark.usefixtures("stored")
def test_a_pipe_has_no_width(capsys: pytest.CaptureFixture[str]) -> None:
    """Every column is shown, and no line is wrapped, if the output is not a terminal."""
    lines = run_weatherd(capsys, "history", "Kiel")[1].splitlines()
    assert "hidden" not in "".join(lines)
    assert len([line for line in lines if line.startswith("low ")]) == 1


@pytest.mark.usefixtures("stored")
def test_the_name_of_a_city_is_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """Text in square brackets or between colons is printed unchanged."""
    assert run_weatherd(capsys, "history", "odd")[1].startswith("[red]:sun:[/]: ")


def test_a_young_journal_has_no_rows_of_dashes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows begin with the first observation, and are as long as the time between two."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 1, lon: 1}\n")
    (tmp_path / "state").mkdir()
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        for number in range(4):
            at = NOW - timedelta(minutes=5 + 10 * number)
            store.add([make_fetched(KIEL, observed_at=at, fetched_at=at)])
    _, out, _ = run_weatherd(capsys, "history", "Kiel", "--config", str(tmp_path / "weatherd.yaml"), "--since", "30d")
    assert "–" not in out
    assert len(out.splitlines()) == 8


def test_a_rounded_zero_has_no_sign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-0.04 °C is printed as 0.0; one observation is singular, and its table has one row."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 1, lon: 1}\n")
    (tmp_path / "state").mkdir()
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        at = NOW - timedelta(hours=1)
        store.add([FetchedObservation(KIEL, observation(KIEL, observed_at=at, fetched_at=at, temperature=-0.04))])
    _, out, _ = run_weatherd(capsys, "history", "Kiel", "--config", str(tmp_path / "weatherd.yaml"))
    assert out.count("-") == 0
    assert out.count(" 0.0 ") >= 4
    assert "mean 0.0 °C   1 observation\n" in out
    assert len(out.splitlines()) == 5
