"""``weatherd backfill`` against the simulator, and the calls for the past in ``weatherd check``."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from weatherd.city import City
from weatherd.cli.commands.journal.gap_filling import CityResult, plan_parts
from weatherd.journal.reader import Reader
from weatherd.observation import BACKFILL
from weatherd.polling.backfill.gap_filler import NO_PAST
from weatherd.polling.backfill.gaps import Gap
from weatherd.polling.backfill.load import count_pastless, find_past_loads
from weatherd.polling.backfill.wanted_times import FillReport
from weatherd.providers.past import PASTS
from weatherd.quota.load import group_cities, provider_loads
from weatherd.quota.planner import RETRY_RESERVE
from weatherd.quota.plans import PLANS, find_plan

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Weatherd

pytestmark = pytest.mark.real_time

NOW = datetime(2026, 11, 26, 12, 7, tzinfo=UTC)
HOUR, DAY = 3600.0, 86400.0


@pytest.fixture
def state(folder: Path, service: str) -> Path:
    """Configure a state folder, and two cities of which one has no provider with a past; return the journal's path."""
    (folder / "weatherd.yaml").write_text(
        f"state: state\nopen_meteo: {{base_url: '{service}'}}\n"
        f"met_norway: {{base_url: '{service}', contact: me@example.org}}\n"
    )
    rows = ["{name: Kiel, lat: 54.3, lon: 10.1}", "{name: Oslo, lat: 59.9, lon: 10.8, providers: [met-norway]}"]
    (folder / "cities.yaml").write_text("cities:\n" + "".join(f"  - {row}\n" for row in rows))
    return folder / "state" / "weatherd.sqlite"


def test_the_past_of_all_cities(weatherd: Weatherd, state: Path) -> None:
    """The past is in the journal, with its origin and without holes; what has no past is said, and no failure."""
    code, out, err = weatherd("backfill", "--since", "26h")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["city", "added", "from", "gaps", "left", "reason"]
    assert lines[1].split() in (["Kiel", "104", "open-meteo", "none", "–"], ["Kiel", "105", "open-meteo", "none", "–"])
    assert lines[2].startswith("Oslo      0  –           1d2h from ")
    assert lines[2].endswith("met-norway: the service has no past")
    with contextlib.closing(Reader(state)) as reader:
        rows = reader.read_city("kiel", datetime.now(UTC) - timedelta(days=2), datetime.now(UTC))
    assert {row.origin for row in rows} == {BACKFILL}
    assert {second.observed_at - first.observed_at for first, second in pairwise(rows)} == {timedelta(minutes=15)}


@pytest.mark.usefixtures("state")
def test_the_command_can_be_repeated(weatherd: Weatherd) -> None:
    """A second call adds only what is still missing, here an earlier day; JSON has the same as the table."""
    assert weatherd("backfill", "kiel", "--since", "1d")[0] == 0
    _, out, _ = weatherd("backfill", "Kiel", "--since", "2d", "--format", "json")
    (kiel,) = json.loads(out)
    assert 94 <= kiel["added"]["open-meteo"] <= 97
    assert (kiel["city"], kiel["name"], kiel["left"], kiel["reasons"]) == ("kiel", "Kiel", [], {})
    _, out, _ = weatherd("backfill", "Oslo", "--format", "json")
    (oslo,) = json.loads(out)
    assert (oslo["added"], oslo["reasons"], len(oslo["left"])) == ({}, {"met-norway": NO_PAST}, 1)


@pytest.mark.usefixtures("state")
def test_a_service_that_does_not_answer(weatherd: Weatherd, folder: Path) -> None:
    """Gaps that are left for that reason are a failure: exit code 69."""
    (folder / "weatherd.yaml").write_text("state: state\nopen_meteo: {base_url: 'http://127.0.0.1:1'}\n")
    code, out, _ = weatherd("backfill", "Kiel")
    assert code == 69
    assert "open-meteo: " in out


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["Kile"], "no city is named 'Kile'; did you mean 'Kiel'?"),
        (["--tag", "region=south"], "no city has the tag region=south"),
        (["--since", "2130-01-01"], "'--since': should be in the past, not '2130-01-01'"),
        (["--since", "tomorrow"], "should be a duration before now"),
    ],
)
def test_mistakes_in_the_command(weatherd: Weatherd, arguments: list[str], text: str) -> None:
    """An unknown city, a tag that none has, or another form of time: exit code 64."""
    code, _, err = weatherd("backfill", *arguments)
    assert code == 64
    assert text in err


@pytest.mark.parametrize(
    ("retention", "what"), [("{raw: 2h, hourly: 60d}", "thinned to one an hour"), ("2h", "deleted again")]
)
def test_what_retention_deletes_is_not_filled(weatherd: Weatherd, state: Path, retention: str, what: str) -> None:
    """Neither what would be thinned to one an hour nor what would be deleted; the command explains it."""
    settings = state.parents[1] / "weatherd.yaml"
    settings.write_text(f"{settings.read_text()}retention: {retention}\n")
    code, _, err = weatherd("backfill", "Kiel", "--since", "5d")
    assert (code, err) == (0, f"only the last 2h are filled: older observations would be {what} ('retention')\n")
    with contextlib.closing(Reader(state)) as reader:
        times = reader.read_times(["kiel"], datetime.now(UTC) - timedelta(days=9), datetime.now(UTC))["kiel"]
    assert len(times) in {8, 9}


def test_the_check_counts_only_what_is_kept(weatherd: Weatherd, state: Path) -> None:
    """As the search for gaps: nothing is requested from before the part with all observations."""
    settings = state.parents[1] / "weatherd.yaml"
    settings.write_text(f"{settings.read_text()}backfill: 90d\n")
    assert json.loads(weatherd("check", "--format", "json")[1])["past"][0]["calls"] > 1
    settings.write_text(f"{settings.read_text()}retention: {{raw: 1d, hourly: 60d}}\n")
    assert json.loads(weatherd("check", "--format", "json")[1])["past"][0]["calls"] == 1
    assert "up to 1 call for the past" in weatherd("check")[1]


def test_parts_of_a_time() -> None:
    """A time is worked through week by week, so that the progress bar moves."""
    begin = NOW - timedelta(days=15)
    parts = plan_parts(begin, NOW)
    assert [end - start for start, end in parts] == [timedelta(days=7), timedelta(days=7), timedelta(days=1)]
    assert (parts[0][0], parts[-1][1]) == (begin, NOW)
    assert plan_parts(NOW, NOW) == []


def test_a_gap_of_several_parts_is_one() -> None:
    """Gaps of two parts that touch are one in the report."""
    result = CityResult(City(name="Kiel", lat=54.3, lon=10.1))
    for begin in (0.0, 10.0, 30.0):
        result.add(FillReport(1, {}, [Gap(begin - 0.001, begin + 10)], {}))
    assert result.left == [Gap(-0.001, 20.0), Gap(29.999, 40.0)]


def test_the_calls_for_the_past_in_the_check(weatherd: Weatherd, state: Path) -> None:
    """The check shows the calls that fill everything once, what the polls leave for them, and who has no past."""
    assert not state.exists()
    _, out, _ = weatherd("check")
    assert "open-meteo: up to 1 call for the past of 1 city, once; the polls leave 9,756 calls a day\n" in out
    assert "gaps of 1 city stay: none of their providers has a past\n" in out
    document = json.loads(weatherd("check", "--format", "json")[1])
    assert document["past"] == [{"name": "open-meteo", "cities": 1, "calls": 1, "calls_left": 9756.0, "seconds": 1.0}]


def test_the_load_of_the_past() -> None:
    """Each city counts for its first provider with a past: as many requests as its time has spans."""
    cities = [
        City(name="A", lat=1, lon=1, providers=("met-norway", "nws"), backfill=30 * 86400.0),
        City(name="B", lat=1, lon=1, providers=("open-meteo",), backfill=30 * 86400.0),
        City(name="C", lat=1, lon=1, providers=("open-meteo",), backfill=0.0),
        City(name="D", lat=1, lon=1, providers=("met-norway",)),
    ]
    plans = {name: plan["free"] for name, plan in PLANS.items()}
    loads = find_past_loads(cities, PASTS, provider_loads(group_cities(cities), plans))
    assert {name: (load.cities, load.calls) for name, load in loads.items()} == {"nws": (1, 7), "open-meteo": (1, 5)}
    assert count_pastless(cities, PASTS) == 1


@pytest.mark.parametrize(
    ("plan", "count", "backfill", "seconds"),
    [
        ("unlimited", 20_000, 3 * HOUR, 200),  # 100 cities a second
        ("unlimited", 20_000, DAY, 20_000 / 51),  # 51 of 97 rows each
        ("unlimited", 700, 7 * DAY, 100),
        ("standard", 20_000, 3 * HOUR, 4000),  # 5 cities a second
        ("free", 100, DAY, 100),  # one city a second
        ("free", 100, 80 * DAY, 1200),
        ("free", 3000, DAY, 3000 / (9900 - 10_000 / RETRY_RESERVE) * DAY),  # their polls take nearly the whole plan
    ],
)
def test_the_time_that_the_past_takes(plan: str, count: int, backfill: float, seconds: float) -> None:
    """It depends on the plan: on its rate, and on the calls that the polls leave."""
    city = City(name="A", lat=1, lon=1, interval=3600.0, providers=("open-meteo",), backfill=backfill)
    plans = {"open-meteo": find_plan("open-meteo", plan)}
    loads = find_past_loads([city] * count, PASTS, provider_loads(group_cities([city] * count), plans))
    assert loads["open-meteo"].seconds == pytest.approx(seconds)


def test_what_takes_long_is_shown(weatherd: Weatherd, state: Path) -> None:
    """The check says how long it takes if that is a minute or more."""
    settings = state.parents[1] / "weatherd.yaml"
    rows = "".join(f"  - {{name: P{n}, lat: {n}, lon: 5}}\n" for n in range(80))
    (state.parents[1] / "cities.yaml").write_text(f"cities:\n{rows}")
    settings.write_text(f"{settings.read_text()}backfill: 30d\ninterval: 1h\n")
    _, out, _ = weatherd("check")
    assert "for the past of 80 cities, once, which take at least 6m; the polls leave" in out
