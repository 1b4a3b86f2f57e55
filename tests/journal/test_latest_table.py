"""What another run finds of each city's last observation."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import BERLIN, KIEL, observation
from tests.support.virtual_time import EPOCH, VirtualTimeLoop
from weatherd.config.diff import diff
from weatherd.journal.store import Store
from weatherd.observation import FetchedObservation
from weatherd.pipeline.consumer import consume
from weatherd.pipeline.heartbeat import Heartbeat
from weatherd.pipeline.journal_writer import JournalWriter
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.queue import ObservationCounts, ObservationQueue
from weatherd.polling.city_registry import CityRegistry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.city import City
    from weatherd.observation import LastObservation

NOW = EPOCH.timestamp()
MOVED = replace(KIEL, lat=KIEL.lat + 1)
DAY = timedelta(days=1)

said = st.builds(
    lambda city, provider, station, observed, fetched, temperature: FetchedObservation(
        city,
        observation(
            city,
            provider=provider,
            station=station,
            observed_at=EPOCH + timedelta(minutes=observed),
            fetched_at=EPOCH + timedelta(minutes=fetched),
            temperature=temperature,
        ),
    ),
    st.sampled_from([KIEL, BERLIN, MOVED]),
    st.sampled_from(["open-meteo", "nws"]),
    st.sampled_from(["", "K1"]),
    st.integers(0, 4),
    st.integers(0, 1),
    st.sampled_from([6.0, 7.0]),
)


def _fetched(arrival: FetchedObservation, minutes: float) -> FetchedObservation:
    said = arrival.observation
    return arrival._replace(observation=said._replace(fetched_at=said.fetched_at + timedelta(minutes=minutes)))


async def _live(
    batches: Iterable[Sequence[FetchedObservation]], store: Store, registry: CityRegistry, board: LatestObservations
) -> None:
    """Bring observations over the road into a journal; where a city turns up moved, its row of the list was edited."""

    async def add(batch: Sequence[FetchedObservation]) -> int:
        return store.add(batch).stored

    for batch in batches:
        kiel = next((each.city for each in batch if each.city != BERLIN), registry.cities[-1])
        registry.apply(diff(registry.cities, [BERLIN, kiel]))
        channel = ObservationQueue(10)
        keeper = JournalWriter(add, channel, ObservationCounts())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keeper.run())
            tasks.create_task(consume(channel, board, [], keeper, Heartbeat()))
            for each in batch:
                if each.city in registry.cities:
                    await channel.put(each)
            channel.close()


def _start(cities: Iterable[City], saved: Iterable[LastObservation] = ()) -> tuple[CityRegistry, LatestObservations]:
    registry, latest = CityRegistry(), LatestObservations(saved)
    registry.subscribe(latest.apply)
    registry.apply(diff((), cities))
    return registry, latest


def _after_a_crash(file: Path, cities: Iterable[City]) -> LatestObservations:
    """Return the board of a run that finds the file as it is now: nobody has closed it."""
    with TemporaryDirectory() as folder:
        for each in file.parent.glob("*.sqlite*"):
            if not each.name.endswith("-shm"):
                shutil.copy(each, folder)
        with closing(Store(Path(folder) / file.name)) as store:
            return _start(cities, store.load(NOW).latest)[1]


lives_of_batches = st.lists(st.lists(st.lists(said, max_size=4), max_size=6), max_size=4)


@given(lives_of_batches)
def test_a_crash_makes_forgotten_only_when_a_repeat_was_fetched(lives: list[list[list[FetchedObservation]]]) -> None:
    """Whatever was said, another run finds each city's last observation, though perhaps as it was fetched before."""
    minute = itertools.count(step=2)
    with TemporaryDirectory() as folder, closing(Store(file := Path(folder) / "weatherd.sqlite")) as store:
        registry, board = _start([BERLIN, KIEL])
        for batches in lives:
            later = [[_fetched(each, next(minute)) for each in batch] for batch in batches]
            with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
                runner.run(_live(later, store, registry, board))
            found = _after_a_crash(file, registry.cities)
            for city in registry.cities:
                here, there = board.get(city.id), found.get(city.id)
                assert here == there or (here and there and here.repeats(there) and here.fetched_at > there.fetched_at)


@given(lives_of_batches)
def test_another_run_finds_what_the_board_showed(lives: list[list[list[FetchedObservation]]]) -> None:
    """Whatever the sources say, in whatever order and batches: after each restart the board is as it was."""
    minute = itertools.count(step=2)
    with TemporaryDirectory() as folder, closing(Store(Path(folder) / "weatherd.sqlite")) as store:
        registry, board = _start([BERLIN, KIEL])
        for batches in lives:
            later = [[_fetched(each, next(minute)) for each in batch] for batch in batches]
            with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
                runner.run(_live(later, store, registry, board))
            again, found = _start(registry.cities, store.load(NOW).latest)
            assert [found.get(city.id) for city in registry.cities] == [board.get(city.id) for city in registry.cities]
            registry, board = again, found


def test_a_city_that_never_repeats_itself_is_not_forgotten(tmp_path: Path) -> None:
    """Its first observation is the only one that was noted as its last, and may have left the journal long ago."""
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        first = observation()
        store.add([FetchedObservation(KIEL, first)])
        for day in range(1, 31):
            later = observation(observed_at=first.observed_at + day * DAY, fetched_at=first.fetched_at + day * DAY)
            store.add([FetchedObservation(KIEL, later, follows=True)])
        store.prune(NOW + 20 * DAY.total_seconds(), NOW + 30 * DAY.total_seconds(), 0, [])
        (last,) = store.load(NOW + 30 * DAY.total_seconds()).latest
        assert last.observation.observed_at == first.observed_at + 30 * DAY
        assert store.load(NOW + 38 * DAY.total_seconds()).latest == []


def test_a_clock_that_was_set_right_does_not_hide_what_follows(tmp_path: Path) -> None:
    """What was fetched by a clock that was ahead does not count as the last for as long as it was ahead."""
    ahead = observation(fetched_at=EPOCH + DAY)
    right = observation(observed_at=EPOCH + timedelta(minutes=15), fetched_at=EPOCH + timedelta(minutes=20))
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        registry, board = _start([BERLIN, KIEL])
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(
                _live([[FetchedObservation(KIEL, ahead)], [FetchedObservation(KIEL, right)]], store, registry, board)
            )
        assert [last.observation for last in store.load(NOW).latest] == [right]


def test_a_start_need_not_search_the_journal(tmp_path: Path) -> None:
    """However much is said, only a few observations a city are not noted as its last."""
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        store.add([FetchedObservation(KIEL, observation())])
        for minute in range(1, 500):
            later = timedelta(minutes=minute)
            store.add(
                [
                    FetchedObservation(
                        KIEL, observation(observed_at=EPOCH + later, fetched_at=EPOCH + later), follows=True
                    )
                ]
            )
        assert store.last_seq() - store._db.query_value("SELECT seq FROM gathered") <= 101


def test_what_was_said_again_is_noted_at_the_end(tmp_path: Path) -> None:
    """An orderly end forgets nothing: a repeat is not asked for again before its time."""
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        store.add([FetchedObservation(KIEL, observation())])
        store.add(
            [FetchedObservation(KIEL, again := observation(fetched_at=EPOCH + timedelta(minutes=9)), repeat=True)]
        )
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        assert [last.observation for last in store.load(NOW).latest] == [again]


def test_what_follows_after_everything_was_deleted_is_the_last(tmp_path: Path) -> None:
    """Numbers of rows that are gone are not given again, or what is new would pass for old."""
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        store.add([FetchedObservation(KIEL, observation())])
        store.add([FetchedObservation(BERLIN, observation(BERLIN))])
        store.prune(NOW + 60, NOW + 60, 0, [])
        new = observation(observed_at=EPOCH + DAY, fetched_at=EPOCH + DAY)
        assert store.add([FetchedObservation(KIEL, new, follows=True)]).last_seq == 3
        assert [last.observation for last in store.load(NOW).latest] == [new]


def test_what_follows_one_that_was_known_is_the_last(tmp_path: Path) -> None:
    """What the journal has already takes no number: the next one that is new is given that."""
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        known = FetchedObservation(KIEL, observation())
        store.add([known])
        assert store.add([known] * 3).stored == 0
        new = observation(observed_at=EPOCH + DAY, fetched_at=EPOCH + DAY)
        assert store.add([FetchedObservation(KIEL, new, follows=True)]).last_seq == 2
        assert [last.observation for last in store.load(NOW).latest] == [new]
