"""Evaluation of the benchmarks' measurements."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.speed import collectd
from benchmarks.speed.builds import prepare_build
from benchmarks.speed.call_counter import CallCounter
from benchmarks.speed.measurements import web_page
from benchmarks.speed.measurements.call_counts import compute_counts
from benchmarks.speed.measurements.small_list import IMPORTS
from benchmarks.speed.report import goals, names, tables
from benchmarks.speed.report.figures import Figures
from benchmarks.speed.report.goals import Goal, Verdict
from benchmarks.speed.ticks import Window, compute_punctuality
from weatherd.polling.schedule import phase_offset

if TYPE_CHECKING:
    from collections.abc import Callable

UNBATCHED, PREVIOUS_UNBATCHED = (names.build_subject(build, names.UNBATCHED) for build in (names.THIS, names.PREVIOUS))
pytestmark = pytest.mark.once

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


def _find_verdict(figures: Figures, title: str) -> Verdict:
    return next(verdict for verdict in goals.judge_goals(figures) if verdict.goal.title == title)


def test_ratios_are_computed_within_a_run() -> None:
    """A run in which both subjects take twice as long does not change their ratio; one without the other has none."""
    figures = Figures()
    for figures.run, factor in enumerate((1.0, 2.0, 4.0)):
        figures.add(UNBATCHED, names.CPU, 90 * factor)
        if figures.run != 1:
            figures.add(names.PROMETHEUS, names.CPU, 100 * factor)
    verdict = _find_verdict(figures, "one city a request, full load, CPU / Prometheus' a scrape")
    assert verdict.values == [0.9, 0.9]


def test_a_goal_has_the_values_of_the_previous_build() -> None:
    """Each goal shows what the previous build reaches: its figure, its ratio to a peer, and 1 for a ratio to itself."""
    figures = Figures()
    for subject, cost in ((UNBATCHED, 50), (PREVIOUS_UNBATCHED, 100), (names.PROMETHEUS, 80), (names.SESSIONS, 250)):
        figures.add(subject, names.CPU, cost)
    titles = (
        "one city a request, full load, CPU / Prometheus' a scrape",
        "one session a request, CPU / weatherd's, one city a request",
        "one city a request, full load, CPU / previous build's",
    )
    verdicts = [_find_verdict(figures, title) for title in titles]
    assert [verdict.before for verdict in verdicts] == [[1.25], [2.5], [1.0]]
    assert [verdict.values for verdict in verdicts] == [[0.625], [5.0], [0.5]]


def test_a_long_list_is_compared_with_a_short_one() -> None:
    """The page of 20,000 cities may take twice the time of that of 20 until it is live."""
    figures = Figures()
    for cities, milliseconds in ((20, 300.0), (20_000, 630.0)):
        figures.add(names.build_subject(names.THIS, names.page_form(cities)), names.LIVE, milliseconds)
    verdict = _find_verdict(figures, "page, 20,000 cities, request to live, ms / with 20")
    assert list(verdict.values) == [pytest.approx(2.1)]
    assert verdict.is_met is False


def test_the_page_is_not_measured_without_a_browser(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Chromium there are no figures of the page, but a line with what to install."""
    monkeypatch.setenv("PATH", "")
    figures = Figures()
    web_page.measure_loads("http://127.0.0.1:9", figures)
    assert figures.values == {}
    assert "install Chromium (scripts/servers)" in capsys.readouterr().err


def test_tables_of_the_document() -> None:
    """The goals show bound, previous build and spread; the points of the plot are in a table of their own."""
    figures = Figures()
    for value in (2.0, 4.0, 3.0):
        figures.add(UNBATCHED, names.CPU, value)
        figures.add(PREVIOUS_UNBATCHED, names.CPU, 10.0)
    figures.add(UNBATCHED, names.growth_figure(names.CPU, 1000), 7.0)
    (verdict,) = [verdict for verdict in goals.judge_goals(figures) if verdict.values]
    assert tables.format_goals([verdict]).splitlines()[2:] == [
        "| one city a request, full load, CPU / previous build's | ≤ 0.5 | 1 | 0.3 | 0.2 | 0.4 | met |"
    ]
    assert tables.format_figures(figures).splitlines()[2:] == [
        "| one city a request: CPU µs an observation | 3 | 2 | 4 | 10 |"
    ]
    assert tables.format_growth(figures, (10, 1000)).splitlines()[:3] == [
        "| figure | 10 | 1,000 |",
        "|---|--:|--:|",
        "| weatherd, one city a request: CPU µs an observation |  | 7 |",
    ]


def test_tables_replace_those_of_the_document() -> None:
    """Only a table with the same first columns is replaced, even if it got more columns; its absence is an error."""
    document = "# Page\n\n| goal | wanted | median |\n|---|--:|--:|\n| old | 1 | 2 |\n\nText\n\n| other | wanted |\n"
    new = "| goal | wanted | before | median |\n|---|--:|--:|--:|\n| new | 1 | 2 | 3 |"
    replaced = tables.replace_tables(document, [new])
    assert replaced == f"# Page\n\n{new}\n\nText\n\n| other | wanted |\n"
    with pytest.raises(ValueError, match=r"no table begins with '\| figure \| median"):
        tables.replace_tables(document, ["| figure | median |\n|---|--:|"])


def test_collectd_fetches_ten_values_of_each_city(tmp_path: Path) -> None:
    """Collectd stores as many values of a response as Prometheus does of a scrape, each city from its own URL."""
    text = collectd.format_configuration(tmp_path, "http://127.0.0.1:1", 3, 2.0)
    assert (text.count("<URL "), text.count("<Key ")) == (3, 30)
    assert [f"q={city}" in text for city in range(4)] == [True, True, True, False]
    assert "\nInterval 2\n" in text


def test_calls_are_counted_by_file_and_thread() -> None:
    """A call of the package counts with its file, a call in another file is a move, and other code is neither."""
    counter, package = CallCounter(), Path.cwd() / "weatherd"
    sources = {"a": package / "a.py", "b": package / "web" / "b.py", "c": Path("/usr/lib/c.py")}
    functions = {name: _define(name, file) for name, file in sources.items()}
    sys.setprofile(counter.profile)
    for name in "aacabb":
        functions[name]()
    sys.setprofile(None)
    assert counter.calls == {("a.py", "a"): 3, ("web/b.py", "b"): 2}
    assert counter.moves == {("a.py", "web/b.py"): 1}


def _define(name: str, file: Path) -> Callable[[], None]:
    namespace: dict[str, Any] = {}
    exec(compile(f"def {name}(): pass", file, "exec"), namespace)  # noqa: S102 - so that the function has this file
    function: Callable[[], None] = namespace[name]
    return function


def test_counts_for_one_observation_leave_out_the_background() -> None:
    """What happens for less than every second request is not part of an observation; the rest is divided by them."""
    document = {
        "calls": [[["a.py", "poll"], 200], [["a.py", "parse"], 100], [["b.py", "beat"], 4]],
        "moves": [[["a.py", "c.py"], 50], [["a.py", "b.py"], 4]],
    }
    counts = compute_counts(json.dumps(document).encode(), requests=10, observations=100)
    assert counts.by_file == {"a.py": 3.0}
    assert (counts.calls, counts.moves) == (3.0, 0.5)


def test_a_checkout_without_an_environment_is_rejected(tmp_path: Path) -> None:
    """A folder with weatherd but without a Python with uvloop is named before anything is measured."""
    (tmp_path / "weatherd").mkdir()
    with pytest.raises(RuntimeError, match=f"{tmp_path} needs a virtual environment .* with uvloop"):
        prepare_build(str(tmp_path))


def test_the_measured_imports_exist() -> None:
    """The program whose start is measured imports modules by name in a text, which no type checker sees."""
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)  # noqa: S603
