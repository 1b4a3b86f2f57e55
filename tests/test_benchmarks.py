"""Evaluation of the benchmarks' measurements."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from benchmarks.speed.measurements.small_list import IMPORTS
from benchmarks.speed.report import goals, names
from benchmarks.speed.report.figures import Figures
from benchmarks.speed.report.goals import Goal, Verdict
from benchmarks.speed.ticks import Window, compute_punctuality
from weatherd.polling.schedule import phase_offset

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = 1_800_000_000.0


def _line(city: str, at: float) -> str:
    timestamp = datetime.fromtimestamp(at, UTC).isoformat()
    return f'{{"event":"observation","city":"{city}","fetched_at":"{timestamp}"}}\n'


def test_punctuality_from_the_log(tmp_path: Path) -> None:
    """A tick without a response is missed, a second response is counted, and delays count from the tick."""
    ticks = {city: BEGIN + (phase_offset(city, 60.0) - BEGIN) % 60.0 for city in ("kiel", "berlin", "oslo")}
    lines = [
        _line("kiel", ticks["kiel"] - 60),  # previous interval
        '{"event":"city.down","city":"oslo"}\n',
        _line("kiel", ticks["kiel"] + 0.5),
        _line("berlin", ticks["berlin"] + 0.25),
        _line("berlin", ticks["berlin"] + 0.75),
        _line("paris", ticks["berlin"]),  # not among the cities
        _line("oslo", ticks["oslo"])[:-9],  # incomplete line
    ]
    log = tmp_path / "log"
    log.write_text("".join(lines))
    found = compute_punctuality(log, Window(BEGIN, BEGIN + 60.0, 0), ticks, 60.0)
    assert (found.missed, found.twice) == (1, 1)
    assert found.worst == pytest.approx(0.5, abs=1e-5)
    assert found.p50 == pytest.approx(0.375, abs=1e-5)


def test_window_without_observations(tmp_path: Path) -> None:
    """A window without observations raises RuntimeError instead of counting as punctual."""
    log = tmp_path / "log"
    log.write_text('{"event":"daemon.ready"}\n')
    with pytest.raises(RuntimeError, match="no observation"):
        compute_punctuality(log, Window(BEGIN, BEGIN + 60.0, 0), ["kiel"], 60.0)


@pytest.mark.parametrize(
    ("values", "always", "is_met"), [([1, 9, 2], False, True), ([1, 9, 2], True, False), ([], False, None)]
)
def test_goal_uses_median_or_all_runs(
    values: list[float],
    always: bool,  # noqa: FBT001 - test parameter
    is_met: bool | None,  # noqa: FBT001 - test parameter
) -> None:
    """One bad run fails only a goal that must hold in each run; a goal without measurements has no verdict."""
    assert Verdict(Goal("", ("", ""), "<", 5, always=always), values).is_met is is_met


def test_ratios_are_computed_within_a_run() -> None:
    """A run in which both subjects take twice as long does not change their ratio."""
    figures = Figures()
    for factor in (1.0, 2.0):
        figures.add(names.UNBATCHED, names.CPU, 90 * factor)
        figures.add(names.PROMETHEUS, names.CPU, 100 * factor)
    assert goals.judge_goals(figures)[0].values == [0.9, 0.9]


def test_the_measured_imports_exist() -> None:
    """The program whose start is measured imports modules by name in a text, which no type checker sees."""
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)  # noqa: S603
