"""Old observations of which one an hour is kept."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.fakes import BERLIN, KIEL, VirtualJournal, make_fetched, observation
from tests.support.virtual_time import EPOCH
from weatherd.config.configuration import RetentionPeriods
from weatherd.config.settings import Settings
from weatherd.daemon.journal_care.retention import prune_journal
from weatherd.journal.tables.cursors import Idle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.observation import Observation

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RETENTION = RetentionPeriods(raw=DAY.total_seconds(), hourly=10 * DAY.total_seconds())
NOW = EPOCH + 2 * DAY  # so that what is older than noon of the first day is thinned
SUSPECT = "suspect: temperature step"


@contextlib.contextmanager
def _open_journal(folder: Path) -> Iterator[VirtualJournal]:
    with contextlib.closing(VirtualJournal(folder / "weatherd.sqlite")) as journal:
        yield journal


async def _prune(journal: VirtualJournal, hours: float = 1.5) -> None:
    """Run the daemon's task for some hours, after the newest observations have shown that it is now."""
    seq = journal.store.last_seq()
    journal.store.add([make_fetched(observed_at=NOW, fetched_at=NOW, station=f"now {seq + n}") for n in range(100)])
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(hours * 3600):
            await prune_journal(journal, RETENTION, ["webhook"], lambda: NOW)


async def _read(journal: VirtualJournal) -> list[Observation]:
    async with journal.open_reader() as reader:
        entries = await reader.read_after(0, 100_000)
    return [entry.observation for entry in entries if not entry.observation.station.startswith("now")]


def _expected(rows: Sequence[Observation]) -> set[Observation]:
    """Return the rows that stay, by the rule in the documentation."""
    hours: dict[tuple[object, ...], list[Observation]] = defaultdict(list)
    for row in rows:
        seconds = (row.observed_at - EPOCH).total_seconds()
        if seconds < (NOW - DAY - EPOCH).total_seconds() - 1800:
            hours[row.city, row.station, (seconds + 1800) // 3600].append(row)
        else:
            hours[row.city, row.station, row.observed_at].append(row)

    def rank(row: Observation) -> tuple[object, ...]:
        seconds = (row.observed_at - EPOCH).total_seconds()
        return row.quality != "ok", abs((seconds + 1800) % 3600 - 1800), -seconds

    return {min(found, key=rank) for found in hours.values()}


rows = st.lists(
    st.builds(
        lambda city, station, minute, quality: observation(
            city,
            station=station,
            observed_at=EPOCH + timedelta(minutes=minute),
            fetched_at=EPOCH + timedelta(minutes=minute + 1),
            quality=quality,
        ),
        st.sampled_from([KIEL, BERLIN]),
        st.sampled_from(["", "K1"]),
        st.integers(0, 300) | st.integers(1380, 1500),
        st.sampled_from(["ok", "ok", SUSPECT]),
    ),
    max_size=30,
    unique_by=lambda row: (row.city, row.station, row.observed_at),
)


@given(rows)
def test_the_nearest_to_the_full_hour_is_kept(found: list[Observation]) -> None:
    """For any observations, of each series: one that is not suspect, else a suspect one; younger ones all stay."""

    async def run() -> None:
        with TemporaryDirectory() as folder, _open_journal(Path(folder)) as journal:
            await journal.add_past([row._replace(origin="import") for row in found])
            while not journal.store.thin((NOW - DAY).timestamp(), []).is_done:
                pass
            kept = {row._replace(origin="live") for row in await _read(journal)}
            assert kept == _expected(found)

    asyncio.run(run())


async def test_a_daemon_thins_in_small_steps_and_goes_on(tmp_path: Path) -> None:
    """Each hour it continues; what is added to thinned hours is thinned, too, and nothing is deleted twice."""
    with _open_journal(tmp_path) as journal, capture_logs() as logs:
        times = [EPOCH + timedelta(seconds=20 * n) for n in range(4000)]
        for begin in range(0, len(times), 1000):
            step = times[begin : begin + 1000]
            journal.store.add([make_fetched(observed_at=time, fetched_at=time) for time in step])
        journal.store.cursors.save("webhook", Idle(1000))
        await _prune(journal, hours=6)
        kept = await _read(journal)
        assert [row.observed_at for row in kept] == [EPOCH + n * HOUR for n in range(23)]
        await journal.add_past([observation(observed_at=EPOCH + timedelta(minutes=5), origin="backfill")])
        await _prune(journal)
        assert await _read(journal) == kept
    events = [
        (log["event"], log["observations"]) for log in logs if log["event"] in ("journal.pruned", "journal.thinned")
    ]
    assert [event for event, _ in events] == ["journal.thinned"] * len(events)
    assert sum(count for _, count in events) == 4000 - 23 + 1
    missed = sum(log["count"] for log in logs if log["event"] == "forwarder.missed")
    assert missed == 3001 - len([row for row in kept if row.observed_at > times[1000]])


@pytest.mark.parametrize(("seconds", "expected"), [(20, [895] * 4 + [397]), (2, [1799, 1799, 399])])
async def test_whole_hours_are_thinned_within_the_share(tmp_path: Path, seconds: int, expected: list[int]) -> None:
    """In an hour no more than 1,000 observations, or a tenth, are deleted; those of one hour if they are more."""
    with _open_journal(tmp_path) as journal, capture_logs() as logs:
        times = [EPOCH - timedelta(minutes=30) + timedelta(seconds=seconds * n) for n in range(4000)]
        for begin in range(0, len(times), 1000):
            step = times[begin : begin + 1000]
            journal.store.add([make_fetched(observed_at=time, fetched_at=time) for time in step])
        await _prune(journal, hours=8)
    assert [log["observations"] for log in logs if log["event"] == "journal.thinned"] == expected


async def test_hourly_observations_are_deleted_when_they_are_too_old(tmp_path: Path) -> None:
    """At the end of ``hourly``."""
    with _open_journal(tmp_path) as journal:
        for n in range(48):
            time = EPOCH - 9 * DAY + timedelta(minutes=30 * n)
            journal.store.add([make_fetched(observed_at=time, fetched_at=time)])
        await _prune(journal)
        assert [row.observed_at for row in await _read(journal)] == []


@pytest.mark.parametrize(
    ("value", "periods"),
    [
        ("90d", (90, 90)),
        (None, (None, None)),
        ({"raw": "90d"}, (90, 90)),
        ({"raw": "90d", "hourly": "5y"}, (90, 1825)),
        ({"raw": "90d", "hourly": None}, (90, None)),
        ('{"raw": "1d", "hourly": "2d"}', (1, 2)),
    ],
)
def test_the_setting(value: object, periods: tuple[float | None, float | None]) -> None:
    """One period, or one for all observations and a longer one for one an hour; null is for ever."""
    expected = RetentionPeriods(*(None if days is None else days * 86400.0 for days in periods))
    settings = Settings(retention=value)
    assert settings.retention == expected
    assert Settings(retention=settings.model_dump()["retention"]).retention == expected


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("30m", "should be 1h or more"),
        ({"hourly": "5y"}, "should have the keys raw and hourly"),
        ({"raw": "5d", "daily": "5y"}, "should have the keys raw and hourly, without 'daily'"),
        ({"raw": "5d", "houry": "5y"}, "without 'houry'; did you mean 'hourly'?"),
        ({"rawx": "5d"}, "without 'rawx'; did you mean 'raw'?"),
        ({"raw": "5d", "hourly": "5d"}, "should keep hourly observations longer than raw ones"),
        ({"raw": "10m", "hourly": "5y"}, "raw should be 1h or more"),
        ({"raw": "5d", "hourly": "soon"}, "hourly should be a length of time"),
        ({"raw": "5d", "hourly": "4d"}, "should keep hourly observations longer than raw ones"),
        ({"raw": None, "hourly": "4d"}, "should keep hourly observations longer than raw ones"),
        ([5], "should be a length of time"),
        ("{", "should be"),
    ],
)
def test_a_wrong_setting_is_explained(value: object, problem: str) -> None:
    """The problem says what is expected."""
    with pytest.raises(ValueError, match=problem):
        Settings(retention=value)
