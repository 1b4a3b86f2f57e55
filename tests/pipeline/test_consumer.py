"""The consumer, and what keeps the trouble of one sink from the others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.daemon import make_latest
from tests.support.fakes import BERLIN, KIEL, FakeJournal, FakeSink, arrival
from weatherd.config.diff import diff
from weatherd.pipeline.consumer import consume
from weatherd.pipeline.heartbeat import Heartbeat
from weatherd.pipeline.journal_writer import JournalWriter
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.queue import BATCH_LIMIT, ObservationCounts, ObservationQueue
from weatherd.pipeline.sinks.guard import WRITE_TIMEOUT, GuardedSink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.observation import FetchedObservation


async def _consume(arrivals: Sequence[FetchedObservation], *sinks: FakeSink, every: float = 0.0) -> ObservationCounts:
    channel, account = ObservationQueue(10_000), ObservationCounts()
    outlets = [GuardedSink(f"sink-{number}", sink) for number, sink in enumerate(sinks)]
    keeper = JournalWriter(FakeJournal().add, channel, account)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consume(channel, LatestObservations(), outlets, keeper, Heartbeat()))
        tasks.create_task(keeper.run())
        for item in arrivals:
            await channel.put(item)
            if every:
                await asyncio.sleep(every)
        channel.close()
    assert channel.depth == 0
    return account


async def test_every_sink_gets_everything_in_order() -> None:
    """Each sink receives every arrival, once and in order."""
    sinks = FakeSink(), FakeSink()
    arrivals = [arrival(temperature=float(number)) for number in range(5)]
    account = await _consume(arrivals, *sinks)
    assert sinks[0].got == sinks[1].got == arrivals
    assert account == ObservationCounts(stored=5)


async def test_what_waits_is_written_together() -> None:
    """A backlog is written in batches, not one by one."""
    sink = FakeSink()
    await _consume([arrival(temperature=float(number % 50)) for number in range(BATCH_LIMIT * 2 + 7)], sink)
    assert sink.batches == [BATCH_LIMIT, BATCH_LIMIT, 7]


async def test_a_repeat_is_marked_and_counted() -> None:
    """An observation that says the same again is written with its mark, and is not stored a second time."""
    sink = FakeSink()
    said = [arrival(), arrival(fetched_at=arrival().observation.observed_at), arrival(temperature=7.0), arrival(BERLIN)]
    account = await _consume(said, sink)
    assert [item.repeat for item in sink.got] == [False, True, False, False]
    assert (account.stored, account.repeated) == (3, 1)


async def test_a_failing_sink_does_not_hurt_another() -> None:
    """What one sink misses, the others get; it is down once and recovers once, and says how much it missed."""
    bad, good = FakeSink().fails(OSError(28, "No space left on device"), times=2), FakeSink()
    arrivals = [arrival(temperature=float(number)) for number in range(10)]
    with capture_logs() as events:
        await _consume(arrivals, bad, good, every=1.0)
    assert good.got == arrivals
    assert [(event["event"], event["sink"]) for event in events] == [
        ("sink.down", "sink-0"),
        ("sink.recovered", "sink-0"),
    ]
    assert "No space left" in events[0]["reason"]
    assert events[0]["exc_info"] is None
    assert events[1]["missed"] == 10 - len(bad.got)


async def test_what_no_sink_took_is_stored_all_the_same() -> None:
    """The journal does not depend on the sinks: what none of them was able to take is in it."""
    first, second = FakeSink().fails(OSError("a")), FakeSink().fails(OSError("b"))
    account = await _consume([arrival(temperature=float(number)) for number in range(10)], first, second, every=10.0)
    assert (account.dropped, account.stored) == (0, 10)
    assert len(first.got) == len(second.got) == 9


@pytest.mark.parametrize("error", [KeyError("x"), asyncio.CancelledError(), SystemExit(0)], ids=repr)
async def test_a_bug_in_a_sink_is_contained_and_shown(error: BaseException) -> None:
    """Whatever a sink raises, it is logged with its traceback and the road goes on."""
    sink = FakeSink().fails(error)
    with capture_logs() as events:
        await _consume([arrival(), arrival(BERLIN)], sink, every=10.0)
    assert events[0]["event"] == "sink.down"
    assert events[0]["exc_info"]
    assert [item.city for item in sink.got] == [BERLIN]


async def test_a_hanging_sink_is_left_at_its_deadline() -> None:
    """A write that does not end is cancelled, and the sink rests instead of slowing the road for ever."""
    hanging, good = FakeSink(takes=365 * 86400.0), FakeSink()
    with capture_logs() as events:
        await _consume([arrival(temperature=float(number)) for number in range(50)], hanging, good, every=1.0)
    assert len(good.got) == 50
    assert good.times[0] == 0  # before the other one's deadline
    assert f"{WRITE_TIMEOUT:g} s" in events[0]["reason"]
    assert len(events) == 1


def test_the_board_keeps_the_last_of_each_city() -> None:
    """The board knows the newest observation of every city, and forgets cities that have left."""
    board = make_latest([KIEL, BERLIN])
    old, new = arrival().observation, arrival(temperature=7.0).observation
    for observation in (old, new):
        board.record(observation)
    board.record(arrival(BERLIN).observation)
    board.apply(diff([KIEL, BERLIN], [KIEL]))
    assert (board.get("kiel"), board.get("berlin")) == (new, None)


def test_the_board_forgets_what_was_seen_elsewhere() -> None:
    """A city that was moved is another place, of which nothing is known; one that stayed keeps what there is."""
    board = make_latest([KIEL, BERLIN])
    board.record(arrival().observation)
    board.record(arrival(BERLIN).observation)
    board.apply(diff([KIEL, BERLIN], [replace(KIEL, lat=KIEL.lat + 1), BERLIN]))
    assert (board.get("kiel"), board.get("berlin")) == (None, arrival(BERLIN).observation)


async def test_a_batch_follows_another_after_a_moment() -> None:
    """The first arrival is written at once; those of the moment after it are written together."""
    sink = FakeSink()
    await _consume([arrival(temperature=float(number)) for number in range(10)], sink, every=0.001)
    assert sink.batches == [1, 9]
    assert sink.times[0] == 0
