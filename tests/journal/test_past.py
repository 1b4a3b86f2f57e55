"""Observations of the past, which are added afterwards: they fill gaps and change nothing that was polled."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pipeline.forwarders.destination import open_virtual_journal
from tests.support.fakes import BERLIN, KIEL, make_fetched, observation
from tests.support.virtual_time import EPOCH
from weatherd.journal.reader import Reader
from weatherd.journal.store import JOURNAL_FILE, AddResult, Store
from weatherd.observation import BACKFILL, IMPORT, LIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weatherd.observation import Observation

NOW = EPOCH.timestamp()
QUALITIES = ["ok", "suspect: temperature step", "suspect: wind_gust range, temperature step"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open a store."""
    with closing(Store(tmp_path / JOURNAL_FILE)) as opened:
        yield opened


def _read(file: Path) -> list[Observation]:
    with closing(Reader(file)) as reader:
        return list(reader.iterate(None, None, []))


observations = st.builds(
    lambda city, minute, temperature, origin, quality: observation(
        city,
        observed_at=EPOCH + timedelta(minutes=minute),
        temperature=temperature,
        origin=origin,
        quality=quality,
    ),
    st.sampled_from([KIEL, BERLIN]),
    st.integers(0, 3),
    st.sampled_from([6.0, 7.0]),
    st.sampled_from([LIVE, BACKFILL, IMPORT]),
    st.sampled_from(QUALITIES),
)


@given(st.lists(st.tuples(observations, st.booleans()), max_size=12))
def test_what_was_polled_stays(steps: list[tuple[Observation, bool]]) -> None:
    """In any order: a live observation replaces one of the past, and is replaced by a live revision only."""
    expected: dict[tuple[object, ...], Observation] = {}
    own: set[tuple[object, ...]] = set()  # identities of what this journal's daemon polled
    with TemporaryDirectory() as folder, closing(Store(file := Path(folder) / JOURNAL_FILE)) as store:
        for added, is_past in steps:
            new = added if is_past else added._replace(origin=LIVE)
            identity = new.city, new.observed_at
            old = expected.get(identity)
            is_repeat = old is not None and new.repeats(old)
            if is_past:
                is_stored = old is None or (old.origin != LIVE and (new.origin == LIVE or not is_repeat))
                assert store.add_past([new]).stored == is_stored
            else:
                is_stored = not is_repeat or identity not in own
                own.add(identity)
                fetched = make_fetched(KIEL if new.city == "kiel" else BERLIN)._replace(observation=new)
                assert store.add([fetched]).stored == is_stored
            if is_stored:
                expected.pop(identity, None)
                expected[identity] = new
        assert _read(file) == list(expected.values())


def test_the_past_is_no_city_s_latest_observation(store: Store) -> None:
    """Also if it was fetched last, and observed later than what was polled."""
    store.add([make_fetched()])
    later = EPOCH + timedelta(days=1)
    for origin in (BACKFILL, IMPORT, LIVE):
        store.add_past([observation(observed_at=later, fetched_at=later, station="K1", origin=origin)])
        store.add_past([observation(BERLIN, observed_at=later, fetched_at=later, origin=origin)])
    store._latest.update()
    assert [last.observation for last in store.load(NOW).latest] == [observation()]


def test_the_past_has_numbers_in_the_given_order(store: Store, tmp_path: Path) -> None:
    """Forwarders send it in that order, after what they have sent already."""
    store.add([make_fetched()])
    past = [observation(observed_at=EPOCH - timedelta(hours=hour), origin=BACKFILL) for hour in (3, 1, 2)]
    assert store.add_past(past) == AddResult(3, 4)
    assert store.add_past(past) == AddResult(0, 4)
    assert _read(tmp_path / JOURNAL_FILE)[1:] == past


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_judgement_is_kept(store: Store, tmp_path: Path, quality: str) -> None:
    """Of live observations and of the past, also of a revision; another judgement of the same values is a repeat."""
    store.add([make_fetched(quality=quality), make_fetched(BERLIN, quality="suspect: temperature range")])
    store.add([make_fetched(BERLIN, temperature=7.0, quality=quality)])
    past = observation(station="K1", quality=quality, origin=IMPORT)
    store.add_past([past])
    assert store.add([make_fetched(quality="suspect: visibility range")]).stored == 0
    assert _read(tmp_path / JOURNAL_FILE) == [
        observation(quality=quality),
        observation(BERLIN, temperature=7.0, quality=quality),
        past,
    ]


def test_another_process_may_add_the_past(store: Store, tmp_path: Path) -> None:
    """The series that the daemon deletes meanwhile, because they are unused, are added again."""
    with closing(Store(tmp_path / JOURNAL_FILE)) as other:
        old = observation(station="K1", quality=QUALITIES[1], description="hail", origin=IMPORT)
        other.add_past([old])
        store._db.execute("DELETE FROM entry")
        while store.delete_unused():
            pass
        other.add_past([old])
    assert _read(tmp_path / JOURNAL_FILE) == [old]


async def test_the_past_wakes_forwarders(tmp_path: Path) -> None:
    """They do not wait for the next poll."""
    with open_virtual_journal(tmp_path) as journal:
        waiting = asyncio.create_task(journal.wait_for_entries(1))
        assert await journal.add_past([observation(origin=BACKFILL), observation(BERLIN, origin=BACKFILL)]) == (2, 2)
        async with asyncio.timeout(1):
            await waiting


def test_what_another_daemon_polled_is_no_news(store: Store, tmp_path: Path) -> None:
    """Destinations and readers of events get it with the origin ``import``; an export has the origin that it had."""
    store.add([make_fetched(KIEL)])
    store.add_past([observation(BERLIN), observation(BERLIN, station="S", origin=BACKFILL)])
    with closing(Reader(tmp_path / JOURNAL_FILE)) as reader:
        assert [entry.observation.origin for entry in reader.read_after(0, 10)] == [LIVE, IMPORT, BACKFILL]
        assert [found.origin for found in reader.iterate(None, None, [])] == [LIVE, LIVE, BACKFILL]
        store.add([make_fetched(BERLIN)])
        assert [entry.observation.origin for entry in reader.read_after(0, 10)] == [LIVE, BACKFILL, LIVE]
