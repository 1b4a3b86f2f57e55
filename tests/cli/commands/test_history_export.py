"""``weatherd history`` and ``weatherd export``, on a journal made by the test."""

from __future__ import annotations

import csv
import io
import itertools
import json
import sys
import time
import unicodedata
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import KIEL, make_fetched, observation
from weatherd.city import City
from weatherd.cli.app import execute
from weatherd.cli.history.spans import choose_span_length, draw_sparkline, find_round_times, split_into_spans
from weatherd.formatting import to_dict
from weatherd.journal.store import Store
from weatherd.observation import FetchedObservation

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.observation import Observation

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Observation]:
    """Write a journal of one day with a gap of six hours, and settings that use it."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text(
        "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, timezone: Asia/Tokyo}\n  - {name: Bonn, lat: 50.7, lon: 7.1}\n"
        "  - {name: '[red]:sun:[/]', id: odd, lat: 1, lon: 1}\n"
    )
    monkeypatch.setenv("WEATHERD_CONFIG", str(tmp_path / "weatherd.yaml"))
    observations = []
    for number in range(1, 140):
        at = NOW - timedelta(minutes=10 * number)
        if not 40 <= number < 76:
            observations.append(observation(KIEL, observed_at=at, fetched_at=at, temperature=number / 10 - 4))
    (tmp_path / "state").mkdir()
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        store.add([FetchedObservation(KIEL, observation) for observation in observations])
    return observations


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command; return its exit code, standard output and standard error."""
    code = execute(list(arguments))
    written = capsys.readouterr()
    return code, written.out, written.err


def test_history_shows_a_day(stored: list[Observation], capsys: pytest.CaptureFixture[str]) -> None:
    """It shows low, mean and high in the city's time zone; a gap is visible in the sparkline and the table."""
    code, out, _ = run(capsys, "history", "kiel")
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
    code, out, _ = run(capsys, "history", "Kiel", "--since", "2h", "--until", "1h", "--format", style)
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("history", "Kil"), "weatherd: no city is named 'Kil'; did you mean 'Kiel'?\n"),
        (("history", "Kiel", "--since", "soon"), "should be a duration before now (24h, 3 days"),
        (("history", "Kiel", "--since", "7"), "'7' has no unit: 7h are hours, 7d days"),
        (("export", "--since", "24"), "'24' has no unit"),
        (("history", "Kiel", "--since", "1h", "--until", "2h"), "--since must be before --until"),
        (("export", "Kil"), "weatherd: no city is named 'Kil'; did you mean 'Kiel'?\n"),
    ],
)
@pytest.mark.usefixtures("stored")
def test_a_wrong_argument_is_explained(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    """The error shows the valid forms; exit code 64."""
    code, _, err = run(capsys, *arguments)
    assert code == 64
    assert message.casefold() in err.casefold()


def test_a_city_without_observations(stored: list[Observation], capsys: pytest.CaptureFixture[str]) -> None:
    """The output is empty and the exit code 0."""
    assert stored
    code, out, _ = run(capsys, "history", "Bonn")
    assert (code, out.splitlines()[-1]) == (0, "no observations")


@pytest.mark.usefixtures("stored")
def test_one_observation_is_singular(capsys: pytest.CaptureFixture[str]) -> None:
    """The summary of one observation says so."""
    assert run(capsys, "history", "Kiel", "--since", "15m")[1].splitlines()[2].endswith(" 1 observation")


@pytest.mark.usefixtures("stored")
def test_parquet_without_pyarrow_is_not_a_mistake_in_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the package to install, without a hint at the help; exit code 64."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = run(capsys, "export", "--format", "parquet")
    assert (code, err) == (64, f"weatherd: parquet needs pyarrow: {sys.executable} -m pip install 'pyarrow>=18'\n")


@pytest.mark.usefixtures("stored")
def test_a_narrow_terminal_shows_the_important_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 40 columns the times and temperatures are complete, and a note names the other columns."""
    monkeypatch.setenv("COLUMNS", "40")
    lines = run(capsys, "history", "Kiel")[1].splitlines()
    assert max(map(len, lines)) <= 40
    assert "…" not in "".join(lines)
    (heading,) = [line for line in lines if line.startswith("from")]
    assert heading.split() == ["from", "low", "mean", "high"]
    assert "hidden at this width: weather," in "\n".join(lines)


@pytest.mark.usefixtures("stored")
def test_a_pipe_has_no_width(capsys: pytest.CaptureFixture[str]) -> None:
    """Every column is shown, and no line is wrapped, if the output is not a terminal."""
    lines = run(capsys, "history", "Kiel")[1].splitlines()
    assert "hidden" not in "".join(lines)
    assert len([line for line in lines if line.startswith("low ")]) == 1


@pytest.mark.usefixtures("stored")
def test_the_name_of_a_city_is_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """Text in square brackets or between colons is printed unchanged."""
    assert run(capsys, "history", "odd")[1].startswith("[red]:sun:[/]: ")


def test_without_a_journal_the_error_suggests_a_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 74."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1}\n")
    code, _, err = run(capsys, "history", "Kiel", "--config", str(tmp_path / "weatherd.yaml"))
    assert code == 74
    assert "start weatherd run" in err


def test_export_writes_all_observations(
    stored: list[Observation], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All three formats have the same observations in order of arrival, with name and tags of their city."""
    (tmp_path / "cities.yaml").write_text(
        "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, tags: {region: north}}\n"
        "  - {name: Bonn, lat: 50.7, lon: 7.1, tags: {river: Rhine}}\n"
    )
    _, out, _ = run(capsys, "export", "--format", "jsonl")
    named = {"name": "Kiel", "tags": {"region": "north"}}
    assert [json.loads(line) for line in out.splitlines()] == [to_dict(observation) | named for observation in stored]
    _, out, _ = run(capsys, "export")
    wanted = [(f"{observation.temperature}", "Kiel", "north", "") for observation in stored]
    columns = ("temperature", "name", "tags.region", "tags.river")
    assert [tuple(row[name] for name in columns) for row in csv.DictReader(io.StringIO(out))] == wanted
    file = tmp_path / "all.parquet"
    assert run(capsys, "export", "--format", "parquet", "--output", str(file))[0] == 0
    table = pyarrow.parquet.read_table(file).to_pylist()
    times = ("observed_at", *columns)
    assert [tuple(row[name] for name in times) for row in table] == [
        (observation.observed_at, observation.temperature, "Kiel", "north", None) for observation in stored
    ]
    _, out, _ = run(capsys, "export", "--units", "us", "--format", "jsonl")
    assert json.loads(out.splitlines()[0])["temperature"] == round(stored[0].temperature * 1.8 + 32, 1)


def test_export_selects_by_tag(stored: list[Observation], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The cities that have all of the tags now; with names, those of them; none is an error."""
    (tmp_path / "cities.yaml").write_text(
        "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, tags: {region: north}}\n"
        "  - {name: Bonn, lat: 50.7, lon: 7.1, tags: {region: west}}\n"
    )
    assert len(run(capsys, "export", "--format", "jsonl", "--tag", "region=north")[1].splitlines()) == len(stored)
    assert run(capsys, "export", "--format", "jsonl", "--tag", "region=west") == (0, "", "")
    assert run(capsys, "export", "Bonn", "--tag", "region=north") == (
        64,
        "",
        "weatherd: no city has the tag region=north\n",
    )


def test_export_filters_by_city_and_time(stored: list[Observation], capsys: pytest.CaptureFixture[str]) -> None:
    """Only the matching observations are written."""
    _, out, _ = run(capsys, "export", "--format", "jsonl", "--since", "1h", "Kiel")
    assert 5 <= len(out.splitlines()) <= 6 < len(stored)
    assert run(capsys, "export", "--format", "jsonl", "Bonn")[1] == ""


@pytest.mark.usefixtures("stored")
def test_an_id_takes_precedence_over_the_name_of_another_city(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the order of the list; a name in another case is still found."""
    named, with_id = "{name: Kiel, id: a-kiel, lat: 1, lon: 1}", "{name: Kiel-Holtenau, id: kiel, lat: 54.3, lon: 10.1}"
    for rows in ([named, with_id], [with_id, named]):
        (tmp_path / "cities.yaml").write_text("cities:\n" + "".join(f"  - {row}\n" for row in rows))
        assert run(capsys, "history", "kiel")[1].startswith("Kiel-Holtenau: ")
        assert run(capsys, "history", "KIEL")[1].splitlines()[-1] == "no observations"
        assert run(capsys, "export", "kiel", "--since", "1h")[1].count("\n") > 1


def test_the_history_of_a_hashed_id_is_found(
    stored: list[Observation], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that earlier releases turned into a hash shows what they recorded, until its new id has a history."""
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Москва, lat: 54.3, lon: 10.1}\n")
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        former = City(name="Москва", lat=54.3, lon=10.1, id="city-2b706e6a")
        store.add([make_fetched(former, observed_at=stored[0].observed_at)])
        assert "1 observation\n" in run(capsys, "history", "Москва")[1]
        for minutes in (20, 30):
            at = NOW - timedelta(minutes=minutes)
            store.add([make_fetched(City(name="Москва", lat=54.3, lon=10.1), observed_at=at)])
    assert "2 observations\n" in run(capsys, "history", "Москва")[1]


@pytest.mark.usefixtures("stored")
def test_a_name_of_two_cities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is ambiguous, and the message names both ids; an id is not."""
    (tmp_path / "cities.yaml").write_text(
        "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1}\n  - {name: KIEL, lat: 44.9, lon: -87.4, id: kiel-wi}\n"
    )
    for command in ("history", "export"):
        code, out, err = run(capsys, command, "Kiel")
        assert (code, out, err) == (64, "", "weatherd: 2 cities are named 'Kiel': use an id (kiel, kiel-wi)\n")
        assert run(capsys, command, "kiel")[0] == run(capsys, command, "kiel-wi")[0] == 0


DECOMPOSED = unicodedata.normalize("NFD", "Österåker")


def test_a_name_is_found_in_every_spelling(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In either Unicode form and case; after a rename or removal by the id, or the name, that the city had."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    city, config = City(name=DECOMPOSED, lat=1.0, lon=1.0), ("--config", str(tmp_path / "weatherd.yaml"))
    (tmp_path / "state").mkdir()
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        store.add([make_fetched(city)])
    for rows, known in ((f"- {{name: {DECOMPOSED}, lat: 1, lon: 1}}", DECOMPOSED), ("[]", "osteraker")):
        (tmp_path / "cities.yaml").write_text(f"cities:\n  {rows}\n")
        for name in ("Österåker", DECOMPOSED, "ÖSTERÅKER", "osteraker", "OSTERAKER"):
            code, out, _ = run(capsys, "history", name, *config)
            assert (code, out.partition(":")[0]) == (0, known)
            assert run(capsys, "export", name, *config)[1].count("\n") == 2
    assert run(capsys, "history", "Ostersund", *config)[0] == 64


ZONES = ["Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Auckland",
         "America/Santiago", "America/Havana", "Atlantic/Azores", "Asia/Kathmandu", "Pacific/Apia", "UTC"]  # fmt: skip


@pytest.mark.parametrize("hours", [2, 3, 6, 12, 24, 48, 168, 336, 672])
@pytest.mark.parametrize("name", ZONES)
def test_longer_spans_begin_on_the_local_clock(name: str, hours: int) -> None:
    """For each quarter of an hour of a year: its span begins at the last multiple of the length on the local clock.

    The reference walks through all quarters of an hour and starts a span when the date or the part of the day changes.
    """
    zone, step = ZoneInfo(name), timedelta(minutes=15)
    since = datetime(2025, 12, 20, 5, 45, tzinfo=UTC)
    begins = find_round_times(since, since + timedelta(days=400), timedelta(hours=hours), zone)
    first = begins[0].astimezone(zone).date()
    seen: list[datetime] = []
    key: tuple[int, int] | None = None
    for number in range(-96 * 2, 96 * 400):
        moment = since + number * step
        local = moment.astimezone(zone)
        days = (local.date() - first).days
        part = (days // max(1, hours // 24), local.hour // hours)
        if key is None or part > key:
            seen.append(moment)
            key = part
    assert begins == [begin for begin in seen if begin >= begins[0]]
    assert begins[0] <= since < begins[1]


@pytest.mark.parametrize("minutes", [1, 5, 15, 30, 60])
@pytest.mark.parametrize("name", ZONES)
def test_shorter_spans_are_equally_long(name: str, minutes: int) -> None:
    """Also when the clock changes: an hour that comes twice has two rows."""
    since, length = datetime(2026, 10, 24, 5, 47, 11, tzinfo=UTC), timedelta(minutes=minutes)
    begins = find_round_times(since, since + timedelta(days=2), length, ZoneInfo(name))
    assert begins[0] <= since < begins[0] + length
    assert {later - earlier for earlier, later in itertools.pairwise(begins)} == {length}
    assert begins[0].astimezone(ZoneInfo(name)).minute % minutes == 0


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
    _, out, _ = run(capsys, *arguments, "--until", "2026-10-25T05:00")
    assert out.startswith("Kiel: 25 Oct 2026 00:00 CEST to 25 Oct 2026 05:00 CET\n")
    assert [line.split("  ")[0] for line in out.splitlines() if line.startswith("Sun 25 Oct 02:00")] == [
        "Sun 25 Oct 02:00 CEST",
        "Sun 25 Oct 02:00 CET",
    ]
    _, out, _ = run(capsys, *arguments, "--until", "2026-11-02", "--by", "day")
    assert [line.split()[3:] for line in out.splitlines() if line.startswith("Sun 25 Oct")] == [
        ["0.0", "12.0", "24.0", "light", "rain", "25"]
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
    parts = json.loads(run(capsys, *arguments, "--by", "day")[1])["parts"]
    assert [part["rain"] for part in parts] == [24.0] * 5 + [25.0] + [24.0] * 10  # clocks go back on 25 October
    assert parts[0]["begin"] == "2026-10-19T22:00:00Z"
    assert parts[-1]["end"] == "2026-11-04T23:00:00Z"
    weeks = json.loads(run(capsys, *arguments, "--by", "week")[1])
    assert [part["begin"] for part in weeks["parts"]][:2] == ["2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"]
    assert weeks["rain"] == pytest.approx(sum(part["rain"] for part in weeks["parts"]))
    assert weeks["gust"] == max(part["gust"] for part in weeks["parts"])
    months = json.loads(run(capsys, *arguments, "--by", "month")[1])["parts"]
    assert [(part["begin"], part["rain"]) for part in months] == [
        ("2026-09-30T22:00:00Z", 745.0),
        ("2026-10-31T23:00:00Z", 96.0),
    ]
    hours = list(csv.DictReader(io.StringIO(run(capsys, *arguments[:-1], "csv", "--by", "hour")[1])))
    assert {part["rain"] for part in hours} == {"1.0"}
    assert len(hours) == 16 * 24 + 1


@pytest.mark.usefixtures("rainy")
def test_the_table_is_in_the_units_and_language_of_the_reader(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summary, headings, values and words; a row for a part has its date alone."""
    monkeypatch.setenv("WEATHERD_UNITS", "us")
    monkeypatch.setenv("WEATHERD_LANGUAGE", "sv")
    arguments = ("--since", "2026-10-25", "--until", "2026-10-26", "--by", "day")
    lines = run(capsys, "history", "Kiel", *arguments)[1].splitlines()
    assert "mean 42.8 °F   rain 0.98 in   gust 28.0 mph   100 observations" in lines[2]
    assert lines[3].split() == ["from", "low", "mean", "high", "rain", "in", "gust", "mph", "weather", "observations"]
    assert lines[4].split() == ["Sun", "25", "Oct", "42.8", "42.8", "42.8", "0.98", "28.0", "regn", "100"]
    document = json.loads(run(capsys, "history", "Kiel", *arguments, "--format", "json")[1])
    assert (document["low"], document["rain"]) == (6.0, 25.0)


def test_a_young_journal_has_no_rows_of_dashes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows begin with the first observation, and are as long as the time between two."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 1, lon: 1}\n")
    (tmp_path / "state").mkdir()
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        for number in range(4):
            at = NOW - timedelta(minutes=5 + 10 * number)
            store.add([make_fetched(KIEL, observed_at=at, fetched_at=at)])
    _, out, _ = run(capsys, "history", "Kiel", "--config", str(tmp_path / "weatherd.yaml"), "--since", "30d")
    assert "–" not in out
    assert len(out.splitlines()) == 8


@given(st.lists(st.integers(0, 10_000), max_size=60), st.integers(60, 100_000))
def test_spans_hold_each_observation_once(minutes: list[int], length: int) -> None:
    """Each observation is in exactly one span, and the spans are adjacent."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    observations = [observation(observed_at=since + timedelta(minutes=minute)) for minute in sorted(minutes)]
    begins = [since + index * timedelta(minutes=length) for index in range(10_001 // length + 1)]
    cut = split_into_spans(observations, begins)
    assert sum(span.count for span in cut) == len(observations)
    assert all(later.begin - earlier.begin == timedelta(minutes=length) for earlier, later in itertools.pairwise(cut))
    assert len(draw_sparkline(cut)) == (len(cut) if observations else 0)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(1, 300), st.integers(0, 300))
def test_rain_is_the_same_however_it_is_split(gaps: list[int], length: int, offset: int) -> None:
    """With 1 mm in every hour, the rain of all spans is the number of hours that observations cover: none is twice."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [begin + timedelta(minutes=minutes) for minutes in itertools.accumulate(gaps)]
    observations = [observation(observed_at=moment, precipitation=1.0) for moment in moments]
    hours = (moments[-1] - moments[0]) / timedelta(hours=1) + 1  # the first one covers the hour before it
    since = begin - timedelta(minutes=60 + offset)
    begins = [since + index * timedelta(minutes=length) for index in range(3000 // length + 1)]
    until = begins[-1] + timedelta(days=3)
    rain = [span.rain for span in split_into_spans(observations, begins, until) if span.rain is not None]
    assert sum(rain) == pytest.approx(hours)
    (whole,) = split_into_spans(observations, [since], until)
    assert whole.rain == pytest.approx(hours)


def test_span_lengths_are_usual_ones() -> None:
    """A day is split into hours, a week into half days, a year into four weeks; each starts at a round time."""
    day = datetime(2026, 1, 1, 13, 37, tzinfo=UTC)
    lengths = {days: choose_span_length(day - timedelta(days=days), day, 24) for days in (1, 7, 365, 36_500)}
    assert lengths[1] == timedelta(hours=1)
    assert lengths[7] == timedelta(hours=12)
    assert lengths[365] == timedelta(days=28)
    assert find_round_times(day, day + timedelta(hours=1), timedelta(hours=12), UTC) == [day.replace(hour=12, minute=0)]


def test_a_rounded_zero_has_no_sign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-0.04 °C is printed as 0.0; one observation is singular, and its table has one row."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 1, lon: 1}\n")
    (tmp_path / "state").mkdir()
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        at = NOW - timedelta(hours=1)
        store.add([FetchedObservation(KIEL, observation(KIEL, observed_at=at, fetched_at=at, temperature=-0.04))])
    _, out, _ = run(capsys, "history", "Kiel", "--config", str(tmp_path / "weatherd.yaml"))
    assert out.count("-") == 0
    assert out.count(" 0.0 ") >= 4
    assert "mean 0.0 °C   1 observation\n" in out
    assert len(out.splitlines()) == 5


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    "arguments",
    [
        ("history", "Kiel", "--since", f"{NOW - timedelta(hours=20):%Y-%m-%d}", "--until", f"{NOW:%Y-%m-%dT%H:%MZ}"),
        ("history", "Kiel", "--since", "1195m", "--format", "csv"),
        ("export", "--since", f"{NOW - timedelta(hours=20):%Y-%m-%dT%H:%M:%SZ}"),
    ],
)
def test_the_zone_of_the_machine_does_not_matter(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Times and days are those of the city, or UTC, wherever the command runs."""
    printed = []
    for zone in ("UTC", "Pacific/Auckland"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        printed.append(run(capsys, *arguments))
    monkeypatch.undo()
    time.tzset()
    assert printed[0][0] == 0
    assert printed[0][1].count("\n") > 5
    assert printed[0] == printed[1]
