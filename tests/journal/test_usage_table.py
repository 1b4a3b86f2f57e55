"""The saved usage: calls of several processes add up, and a file of an older schema keeps its quota."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.journal.old_files import write_old_file
from tests.quota.test_windows import WINDOWS
from tests.quota.usage_model import UsageModel
from tests.support.virtual_time import EPOCH
from weatherd.journal.provider_state import ProviderState
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.quota.plans import PLANS
from weatherd.quota.usage import ProviderUsage, WindowUsage
from weatherd.quota.windows import CLOCK_TOLERANCE

NOW = EPOCH.timestamp()
NOON = EPOCH + timedelta(hours=12)
DAY = WindowUsage("day", NOW, 3.0)
# As version 4 wrote it at noon, after 250, 60 and 3 calls; openweathermap had asked to wait for an hour
OLD_QUOTA = [
    ("met-norway", "pace", 1767268800.75, 0.0),
    ("open-meteo", "day", 1767225600.0, 250.0),
    ("open-meteo", "hour", 1767265200.0, 250.0),
    ("open-meteo", "minute", 1767268740.0, 250.0),
    ("open-meteo", "pace", 1767268831.578958, 0.0),
    ("open-meteo", "closed", "soon", 0.0),  # damaged
    ("openweathermap", "closed", 1767272400.0, 0.0),
    ("openweathermap", "minute", 1767268740.0, 60.0),
    ("openweathermap", "month", 1767225600.0, 60.0),
    ("openweathermap", "pace", 1767268875.789471, 0.0),
]
OLD_NOTES = [("nws", "39.05,-95.67", '{"station": "KTOP"}', 1767355200.0)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of the journal's file."""
    return tmp_path / JOURNAL_FILE


def load_usage(file: Path, now: float = NOW) -> list[ProviderUsage]:
    """Return the usage that another run loads."""
    with closing(Store(file)) as store:
        return list(store.load(now).usage)


def test_saved_usage_is_loaded_by_the_next_run(file: Path) -> None:
    """Every provider's windows and times are the same; a save returns the usage of the saved providers only."""
    fake, other = ProviderUsage("fake", [DAY], NOW + 1, NOW + 5), ProviderUsage("other", [DAY])
    with closing(Store(file)) as store:
        assert store.load(NOW).usage == []
        assert store.save([fake], []) == [fake]
        assert store.save([other], []) == [other]
        assert store.save([], []) == []
    assert load_usage(file) == [fake, other]


windows = st.builds(
    WindowUsage,
    st.sampled_from(["minute", "day"]),
    st.sampled_from([NOW - 60, NOW, NOW + 60]),
    st.integers(0, 100).map(float),
)
times = st.floats(0, NOW + 1000)
usages = st.builds(ProviderUsage, st.just("fake"), st.lists(windows, max_size=5), times, times)


@given(st.lists(usages, max_size=5))
def test_calls_add_up_and_times_only_grow(saves: list[ProviderUsage]) -> None:
    """Calls of one window are added, those of another are counted apart, and the later time wins."""
    model = UsageModel()
    with TemporaryDirectory() as folder, closing(Store(Path(folder) / "weatherd.sqlite")) as store:
        for usage in saves:
            (saved,) = store.save([usage], [])
            expected = model.add(usage)
            assert saved._replace(windows=sorted(saved.windows)) == expected._replace(windows=sorted(expected.windows))


def test_usage_that_a_wrong_clock_wrote_is_deleted(file: Path) -> None:
    """Usage from the far future is deleted; otherwise no call would be counted until that time."""
    ahead = NOW + 10 * 366 * 86400.0
    usage = ProviderUsage("fake", [DAY], NOW + 1, NOW + 60)
    with closing(Store(file)) as store:
        store.save([ProviderUsage("fake", [WindowUsage("day", ahead, 9.0)], ahead, ahead)], [])
    with closing(Store(file)) as store:
        store.load(NOW)
        assert store.save([usage], []) == [usage]


def test_damaged_usage_is_ignored(file: Path) -> None:
    """A value that is no number does not reach the meters; the sound values of the provider stay."""
    with closing(Store(file)) as store:
        store.save([ProviderUsage("fake", [DAY], NOW + 1, NOW + 60)], [])
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("INSERT INTO quota VALUES (8, 'fake', 'minute', 'soon', NULL), (9, 'fake', 'hour', NULL, 'many')")
        other.execute("UPDATE provider_times SET closed_until = 'soon'")
        other.execute("INSERT INTO provider_times VALUES ('other', x'00', 5)")
    assert load_usage(file) == [ProviderUsage("fake", [DAY], NOW + 1), ProviderUsage("other", (), 0.0, 5.0)]


def test_a_file_of_version_4_keeps_its_quota(file: Path) -> None:
    """Its calls, the state of the token buckets and the pause of a provider are the same for the meters as before."""
    write_old_file(file, 4, quota=OLD_QUOTA, note=OLD_NOTES, gathered=[[0]])
    with closing(Store(file)) as store:
        assert {window for (window,) in store._db.query("SELECT window FROM quota")} == set(WINDOWS)
        saved = store.load(NOON.timestamp())
    state = ProviderState(saved, None, lambda: NOON)
    open_meteo, openweathermap, met_norway = (
        state.usage_meter(name, PLANS[name]["free"]) for name in ("open-meteo", "openweathermap", "met-norway")
    )
    at_noon = NOON.timestamp()
    assert open_meteo.usage(at_noon) == {"minute": (250, 600), "hour": (250, 5_000), "day": (250, 10_000)}
    assert openweathermap.usage(at_noon) == {"minute": (60, 60), "month": (60, 1_000_000)}
    assert (open_meteo.closed_until, openweathermap.closed_until) == (0.0, at_noon + 3600)
    assert open_meteo.bucket.full_at == pytest.approx(at_noon + 250 / PLANS["open-meteo"]["free"].rate)
    assert openweathermap.bucket.full_at == pytest.approx(at_noon + 60 / PLANS["openweathermap"]["free"].rate)
    assert met_norway.bucket.full_at == at_noon + 0.75
    assert state.key_values("nws").get("39.05,-95.67") == '{"station": "KTOP"}'


def test_the_windows_of_a_version_4_file_end_as_before(file: Path) -> None:
    """After their end, the migrated counts of a minute and a day do not count any more."""
    write_old_file(file, 4, quota=OLD_QUOTA, gathered=[[0]])
    tomorrow = datetime.fromtimestamp(NOW + 86400 + CLOCK_TOLERANCE, EPOCH.tzinfo)
    with closing(Store(file)) as store:
        state = ProviderState(store.load(tomorrow.timestamp()), None, lambda: tomorrow)
    meter = state.usage_meter("openweathermap", PLANS["openweathermap"]["free"])
    assert meter.usage(tomorrow.timestamp()) == {"minute": (0, 60), "month": (60, 1_000_000)}


def test_the_window_of_a_wrong_clock_replaces_no_other(file: Path) -> None:
    """Calls counted 200 days ahead or behind are kept apart, so that the month goes on with its calls."""
    month = WindowUsage("month", NOW, 900_000.0)
    with closing(Store(file)) as store:
        store.save([ProviderUsage("fake", [month])], [])
        for days in (200, -200):
            store.save([ProviderUsage("fake", [WindowUsage("month", NOW + days * 86400, 5.0)])], [])
        store.save([ProviderUsage("fake", [WindowUsage("month", NOW, 1.0)])], [])
    (usage,) = load_usage(file)
    assert month._replace(used=900_001.0) in usage.windows


def test_windows_that_are_over_are_deleted(file: Path) -> None:
    """A thousand minutes leave three rows; the rows of other providers and lengths stay."""
    with closing(Store(file)) as store:
        store.save([ProviderUsage("other", [DAY]), ProviderUsage("fake", [DAY])], [])
        for minute in range(1000):
            store.save([ProviderUsage("fake", [WindowUsage("minute", NOW + 60 * minute, 1.0)])], [])
        assert len(store._db.query("SELECT id FROM quota")) == 5
