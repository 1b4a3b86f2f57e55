"""Each city's latest observation, as the next run finds it."""

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

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import BERLIN, KIEL, observation
from tests.support.virtual_time import EPOCH, VirtualTimeLoop
from weatherd.config.diff import diff
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.journal.store import Store
from weatherd.journal.tables.latest_table import _UPDATE
from weatherd.observation import FetchedObservation
from weatherd.pipeline.consumer import consume
from weatherd.pipeline.journal_writer import JournalWriter
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.queue import ObservationQueue
from weatherd.polling.city_registry import CityRegistry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.city import City
    from weatherd.observation import LastObservation

NOW = EPOCH.timestamp()
MOVED = replace(KIEL, lat=KIEL.lat + 1)
DAY = timedelta(days=1)

arrivals = st.builds(
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
    seen = arrival.observation
    return arrival._replace(observation=seen._replace(fetched_at=seen.fetched_at + timedelta(minutes=minutes)))


async def _run_pipeline(
    batches: Iterable[Sequence[FetchedObservation]], store: Store, registry: CityRegistry, latest: LatestObservations
) -> None:
    """Send batches through the pipeline into a journal; a moved city in a batch means that the list was edited."""

    async def add(batch: Sequence[FetchedObservation]) -> int:
        return store.add(batch).stored

    for batch in batches:
        kiel = next((fetched.city for fetched in batch if fetched.city != BERLIN), registry.cities[-1])
        registry.apply(diff(registry.cities, [BERLIN, kiel]))
        queue = ObservationQueue(10)
        writer = JournalWriter(add, queue)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(writer.run())
            tasks.create_task(consume(queue, latest, [], writer))
            for fetched in batch:
                if fetched.city in registry.cities:
                    await queue.put(fetched)
            queue.close()


def _start(cities: Iterable[City], saved: Iterable[LastObservation] = ()) -> tuple[CityRegistry, LatestObservations]:
    registry, latest = CityRegistry(), LatestObservations(saved, BUILT_IN_BUDGETS)
    registry.subscribe(latest.apply)
    registry.apply(diff((), cities))
    return registry, latest


def _after_a_crash(file: Path, cities: Iterable[City]) -> LatestObservations:
    """Return the latest observations of a run that finds the file as it is now, which was not closed."""
    with TemporaryDirectory() as folder:
        for path in file.parent.glob("*.sqlite*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
        with closing(Store(Path(folder) / file.name)) as store:
            return _start(cities, store.load(NOW).latest)[1]


lives_of_batches = st.lists(st.lists(st.lists(arrivals, max_size=4), max_size=6), max_size=4)


@pytest.mark.once
@given(lives_of_batches)
def test_a_crash_loses_only_the_fetch_time_of_a_repeat(lives: list[list[list[FetchedObservation]]]) -> None:
    """For any batches, a run after a crash finds each city's latest observation; only the fetch time may be older."""
    minute = itertools.count(step=2)
    with TemporaryDirectory() as folder, closing(Store(file := Path(folder) / "weatherd.sqlite")) as store:
        registry, latest = _start([BERLIN, KIEL])
        for batches in lives:
            later = [[_fetched(fetched, next(minute)) for fetched in batch] for batch in batches]
            with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
                runner.run(_run_pipeline(later, store, registry, latest))
            found = _after_a_crash(file, registry.cities)
            for city in registry.cities:
                here, there = latest.get(city.id), found.get(city.id)
                assert here == there or (here and there and here.repeats(there) and here.fetched_at > there.fetched_at)


@pytest.mark.once
@given(lives_of_batches)
def test_the_next_run_finds_the_latest_observations(lives: list[list[list[FetchedObservation]]]) -> None:
    """For any observations, order and batches, the latest observations are the same after each restart."""
    minute = itertools.count(step=2)
    with TemporaryDirectory() as folder, closing(Store(Path(folder) / "weatherd.sqlite")) as store:
        registry, latest = _start([BERLIN, KIEL])
        for batches in lives:
            later = [[_fetched(fetched, next(minute)) for fetched in batch] for batch in batches]
            with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
                runner.run(_run_pipeline(later, store, registry, latest))
            again, found = _start(registry.cities, store.load(NOW).latest)
            assert [found.get(city.id) for city in registry.cities] == [latest.get(city.id) for city in registry.cities]
            registry, latest = again, found


def test_a_city_without_repeats_is_not_forgotten(tmp_path: Path) -> None:
    """A city without repeats is found, although only its first observation was written, and pruned since."""
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        first = observation()
        store.add([FetchedObservation(KIEL, first)])
        for day in range(1, 31):
            later = observation(observed_at=first.observed_at + day * DAY, fetched_at=first.fetched_at + day * DAY)
            store.add([FetchedObservation(KIEL, later, follows=True)])
        store.prune(NOW + 20 * DAY.total_seconds(), NOW + 30 * DAY.total_seconds(), None, [])
        (last,) = store.load(NOW + 30 * DAY.total_seconds()).latest
        assert last.observation.observed_at == first.observed_at + 30 * DAY
        assert store.load(NOW + 38 * DAY.total_seconds()).latest == []


def test_a_corrected_clock_does_not_hide_newer_observations(tmp_path: Path) -> None:
    """An observation fetched by a clock that was ahead does not hide those after the clock was corrected."""
    ahead = observation(fetched_at=EPOCH + DAY)
    right = observation(observed_at=EPOCH + timedelta(minutes=15), fetched_at=EPOCH + timedelta(minutes=20))
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        registry, latest = _start([BERLIN, KIEL])
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(
                _run_pipeline(
                    [[FetchedObservation(KIEL, ahead)], [FetchedObservation(KIEL, right)]], store, registry, latest
                )
            )
        assert [last.observation for last in store.load(NOW).latest] == [right]


def test_the_table_lags_behind_by_few_observations(tmp_path: Path) -> None:
    """The table never lags behind by more than about a hundred observations, or one for each city."""
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


def test_an_update_does_not_sort_the_entries(tmp_path: Path) -> None:
    """Sorting would take memory for each entry since the last update; here there is one row for each series."""
    with closing(Store(tmp_path / "weatherd.sqlite")) as store, store._db.attach_scratch():
        create, *others = _UPDATE
        store._db.execute(create)
        plan = [row for statement in others for row in store._db.query(f"EXPLAIN QUERY PLAN {statement}")]
        assert any("SEARCH" in row[-1] for row in plan)
        assert not any("TEMP B-TREE" in row[-1] for row in plan)


def test_equal_values_are_one_object(tmp_path: Path) -> None:
    """The loaded observations of a long list share what is equal, and an integer stays an integer."""
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        cities = [KIEL, BERLIN]
        store.add([FetchedObservation(city, observation(city, temperature=61.0, wind_speed=61.0)) for city in cities])
        first, second = (last.observation for last in store.load(NOW).latest)
    assert first.temperature is second.temperature is first.wind_speed
    assert first.description is second.description
    assert [type(loaded.code) for loaded in (first, second)] == [int, int]


def test_a_clean_stop_saves_the_fetch_time_of_a_repeat(tmp_path: Path) -> None:
    """A clean stop saves the fetch time of a repeat, so that the city is not polled early."""
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        store.add([FetchedObservation(KIEL, observation())])
        store.add(
            [FetchedObservation(KIEL, again := observation(fetched_at=EPOCH + timedelta(minutes=9)), repeat=True)]
        )
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        assert [last.observation for last in store.load(NOW).latest] == [again]


def test_a_new_observation_after_pruning_is_the_latest(tmp_path: Path) -> None:
    """Numbers of deleted rows are not used again, or a new observation would be taken for an old one."""
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        store.add([FetchedObservation(KIEL, observation())])
        store.add([FetchedObservation(BERLIN, observation(BERLIN))])
        store.prune(NOW + 60, NOW + 60, None, [])
        new = observation(observed_at=EPOCH + DAY, fetched_at=EPOCH + DAY)
        assert store.add([FetchedObservation(KIEL, new, follows=True)]).last_seq == 3
        assert [last.observation for last in store.load(NOW).latest] == [new]


def test_a_new_observation_after_a_repeat_is_the_latest(tmp_path: Path) -> None:
    """A repeat takes no number, and the next new observation becomes the latest."""
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        known = FetchedObservation(KIEL, observation())
        store.add([known])
        assert store.add([known] * 3).stored == 0
        new = observation(observed_at=EPOCH + DAY, fetched_at=EPOCH + DAY)
        assert store.add([FetchedObservation(KIEL, new, follows=True)]).last_seq == 2
        assert [last.observation for last in store.load(NOW).latest] == [new]
