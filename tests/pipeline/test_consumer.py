"""The consumer, and the containment of sinks that fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.daemon import make_latest
from tests.support.fakes import BERLIN, KIEL, FakeJournal, FakeSink, make_fetched
from weatherd.config.diff import diff
from weatherd.pipeline.consumer import consume
from weatherd.pipeline.journal_writer import JournalWriter
from weatherd.pipeline.queue import BATCH_LIMIT, ObservationCounts, ObservationQueue
from weatherd.pipeline.sinks.guard import QUEUE_LIMIT, WRITE_TIMEOUT, GuardedSink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.city import City
    from weatherd.journal.tables.alert_table import AlertRows
    from weatherd.observation import FetchedObservation


async def _consume(
    arrivals: Sequence[FetchedObservation], *sinks: FakeSink, every: float = 0.0, journal: FakeJournal | None = None
) -> ObservationCounts:
    queue = ObservationQueue(10_000)
    guarded = [GuardedSink(f"sink-{number}", sink) for number, sink in enumerate(sinks)]
    writer = JournalWriter((journal or FakeJournal()).add, queue)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consume(queue, make_latest(), guarded, writer))
        tasks.create_task(writer.run())
        for sink in guarded:
            tasks.create_task(sink.run())
        for item in arrivals:
            await queue.put(item)
            if every:
                await asyncio.sleep(every)
        queue.close()
    assert queue.depth == 0
    return queue.counts


async def test_every_sink_gets_everything_in_order() -> None:
    """Each sink receives every observation, once and in order."""
    sinks = FakeSink(), FakeSink()
    arrivals = [make_fetched(temperature=float(number)) for number in range(5)]
    counts = await _consume(arrivals, *sinks)
    assert sinks[0].received == sinks[1].received == arrivals
    assert counts == ObservationCounts(fetched=5, stored=5)


async def test_a_backlog_is_written_in_batches() -> None:
    """A backlog is written in batches, not one by one, and without a delay between them."""
    sink = FakeSink()
    await _consume([make_fetched(temperature=float(number % 50)) for number in range(BATCH_LIMIT * 2 + 7)], sink)
    assert sink.batches == [BATCH_LIMIT, BATCH_LIMIT, 7]
    assert set(sink.times) == {0}


async def test_a_repeat_is_flagged_and_counted() -> None:
    """A repeat is flagged for the sinks, counted, and not stored a second time."""
    sink = FakeSink()
    arrivals = [
        make_fetched(),
        make_fetched(fetched_at=make_fetched().observation.observed_at),
        make_fetched(temperature=7.0),
        make_fetched(BERLIN),
    ]
    counts = await _consume(arrivals, sink)
    assert [item.repeat for item in sink.received] == [False, True, False, False]
    assert (counts.stored, counts.repeated) == (3, 1)


async def test_a_failing_sink_does_not_hurt_another() -> None:
    """A failing sink logs one outage and one recovery, with the number it missed; the others get everything."""
    bad, good = FakeSink().fails(OSError(28, "No space left on device"), times=2), FakeSink()
    arrivals = [make_fetched(temperature=float(number)) for number in range(10)]
    with capture_logs() as events:
        await _consume(arrivals, bad, good, every=1.0)
    assert good.received == arrivals
    assert [(event["event"], event["sink"]) for event in events] == [
        ("sink.down", "sink-0"),
        ("sink.recovered", "sink-0"),
    ]
    assert "No space left" in events[0]["reason"]
    assert events[0]["exc_info"] is None
    assert events[1]["missed"] == 10 - len(bad.received)


async def test_observations_that_all_sinks_missed_are_stored() -> None:
    """The journal does not depend on the sinks: observations that all sinks missed are stored."""
    first, second = FakeSink().fails(OSError("a")), FakeSink().fails(OSError("b"))
    counts = await _consume(
        [make_fetched(temperature=float(number)) for number in range(10)], first, second, every=10.0
    )
    assert (counts.dropped, counts.stored) == (0, 10)
    assert len(first.received) == len(second.received) == 9


@pytest.mark.parametrize("error", [KeyError("x"), asyncio.CancelledError(), SystemExit(0)], ids=repr)
async def test_a_bug_in_a_sink_is_contained_and_shown(error: BaseException) -> None:
    """Any exception of a sink is logged with its traceback, and the pipeline goes on."""
    sink = FakeSink().fails(error)
    with capture_logs() as events:
        await _consume([make_fetched(), make_fetched(BERLIN)], sink, every=10.0)
    assert events[0]["event"] == "sink.down"
    assert events[0]["exc_info"]
    assert [item.city for item in sink.received] == [BERLIN]


async def test_a_hanging_sink_is_cancelled_at_its_timeout() -> None:
    """A write that hangs is cancelled, and the sink is paused instead of slowing the pipeline."""
    hanging, good = FakeSink(takes=365 * 86400.0), FakeSink()
    with capture_logs() as events:
        await _consume([make_fetched(temperature=float(number)) for number in range(50)], hanging, good, every=1.0)
    assert len(good.received) == 50
    assert good.times[0] == 0  # before the other one's deadline
    assert f"{WRITE_TIMEOUT:g} s" in events[0]["reason"]
    assert len(events) == 1


def test_the_latest_observation_of_each_city_is_kept() -> None:
    """The latest observation of every city is kept; that of a removed city is forgotten."""
    latest = make_latest([KIEL, BERLIN])
    old, new = make_fetched(), make_fetched(temperature=7.0)
    latest.record([old, new, make_fetched(BERLIN)])
    latest.apply(diff([KIEL, BERLIN], [KIEL]))
    assert (latest.get("kiel"), latest.get("berlin")) == (new.observation, None)


def test_a_moved_city_is_forgotten() -> None:
    """The observation of a moved city is forgotten, that of another city is kept."""
    latest = make_latest([KIEL, BERLIN])
    latest.record([make_fetched(), make_fetched(BERLIN)])
    latest.apply(diff([KIEL, BERLIN], [replace(KIEL, lat=KIEL.lat + 1), BERLIN]))
    assert (latest.get("kiel"), latest.get("berlin")) == (None, make_fetched(BERLIN).observation)


class CountingJournal(FakeJournal):
    """A journal that records the size of each transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.transactions: list[int] = []

    async def add(self, batch: Sequence[FetchedObservation], alerts: AlertRows | None = None) -> int:
        """Store a batch."""
        self.transactions.append(len(batch))
        return await super().add(batch, alerts)


async def test_observations_soon_after_another_share_a_batch() -> None:
    """The first observation is written and stored at once; those soon after it are written and stored together."""
    sink, journal = FakeSink(), CountingJournal()
    arrivals = [make_fetched(temperature=float(number)) for number in range(10)]
    await _consume(arrivals, sink, every=0.001, journal=journal)
    assert sink.batches == journal.transactions == [1, 9]
    assert sink.times == [0, pytest.approx(0.1)]


async def test_a_crowded_queue_is_emptied_without_a_delay() -> None:
    """While more than half of the places are taken, nothing gathers: the producers would have to wait."""
    queue, latest, sink = ObservationQueue(10), make_latest(), FakeSink()
    guarded = GuardedSink("sink", sink)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consume(queue, latest, [guarded], JournalWriter(FakeJournal().add, queue)))
        tasks.create_task(guarded.run())
        for item in [make_fetched()] * 6:  # none is stored, because the journal writer does not run
            queue.try_put(item)
        for _ in range(3):
            await asyncio.sleep(0.03)
            queue.try_put(make_fetched())
        queue.close()
    assert sink.times == pytest.approx([0.0, 0.03, 0.06, 0.09])


async def test_a_stop_with_a_long_backlog_misses_nothing() -> None:
    """When the producers of a long list hand over what they have fetched, a sink of usual speed gets all of it."""
    sink, queue = FakeSink(takes=0.01), ObservationQueue(10_000)
    guarded, arrivals = GuardedSink("usual", sink), [make_fetched(temperature=float(n % 60)) for n in range(50_000)]
    for fetched in arrivals:
        queue.put_response([fetched])
    queue.close()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consume(queue, make_latest(), [guarded], JournalWriter(FakeJournal().add, queue)))
        tasks.create_task(guarded.run())
    assert (len(sink.received), guarded.missed) == (len(arrivals), 0)


async def test_a_full_queue_of_a_sink_is_logged_once_and_counted() -> None:
    """Observations that do not fit into a sink's queue are missed, not waited for; those in the queue are written."""
    sink = FakeSink(takes=10.0)
    guarded = GuardedSink("slow", sink)
    arrivals = [make_fetched(temperature=float(number)) for number in range(QUEUE_LIMIT + 2000)]
    with capture_logs() as events:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(guarded.run())
            for start in range(0, len(arrivals), BATCH_LIMIT):
                guarded.submit(arrivals[start : start + BATCH_LIMIT])
            assert (guarded.is_down, guarded.missed) == (True, 2000)
            guarded.close()
    assert sink.received == arrivals[:QUEUE_LIMIT]
    assert [event["event"] for event in events] == ["sink.down", "sink.recovered"]
    assert f"{QUEUE_LIMIT} observations wait" in events[0]["reason"]
    assert (events[1]["missed"], guarded.missed, guarded.is_down) == (2000, 2000, False)


async def test_a_cancelled_sink_has_missed_its_queue() -> None:
    """At the end of the grace period, the observation being written and those that wait count as missed."""
    guarded = GuardedSink("hanging", FakeSink(takes=365 * 86400.0))
    running = asyncio.create_task(guarded.run())
    guarded.submit([make_fetched()])
    await asyncio.sleep(1)
    guarded.submit([make_fetched(), make_fetched()])
    with capture_logs() as events:
        running.cancel()
        await asyncio.wait([running])
    assert (guarded.missed, events[0]["missed"]) == (3, 3)


async def test_an_observation_of_the_old_place_of_a_moved_city_is_only_stored() -> None:
    """If a response was under way when the list was edited, the city does not show the weather of its old place."""
    latest, queue = make_latest([KIEL]), ObservationQueue(10)
    journal = FakeJournal()
    writer = JournalWriter(journal.add, queue)
    moved = replace(KIEL, lat=1.0)
    await queue.put(make_fetched(KIEL, temperature=-5.0))
    latest.apply(diff([KIEL], [moved]))
    queue.close()
    await consume(queue, latest, [], writer)
    await writer.run()
    assert (queue.counts.stored, latest.get("kiel")) == (1, None)


@pytest.mark.parametrize("lists", [[[KIEL], []], [[KIEL]]], ids=["removed and added", "moved"])
async def test_a_city_that_moves_back_shows_its_weather(lists: list[list[City]]) -> None:
    """Only the coordinates count, however often the list is edited; an observation where the city is now is shown."""
    latest, before, moved = make_latest([KIEL]), [KIEL], replace(KIEL, lat=1.0)
    for listed in (*lists[1:], [moved], *lists[1:], [KIEL]):
        latest.apply(diff(before, listed))
        before = listed
        for city in listed:
            assert latest.is_moved(replace(moved, lat=2.0))
            assert not latest.is_moved(city)
