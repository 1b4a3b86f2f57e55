"""The engine of the forwarders, on virtual time, against a fake destination."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.forwarders.destination import (
    FakeDestination,
    capture_warnings,
    make_observations,
    open_virtual_journal,
    run_forwarders,
)
from tests.support import virtual_time
from tests.support.fakes import KIEL, observation
from weatherd.errors import DeliveryError, StateError
from weatherd.journal.tables.cursors import Idle
from weatherd.observation import FetchedObservation
from weatherd.pipeline.forwarders.engine import BATCH_DELAY, MAX_RATE
from weatherd.pipeline.forwarders.group import DeliveryStatus
from weatherd.pipeline.forwarders.outage import DELIVERY_TIMEOUT

if TYPE_CHECKING:
    from pathlib import Path

WEEK = 7 * 86400.0


async def test_everything_is_delivered_in_order_and_once(tmp_path: Path) -> None:
    """Entries are delivered in batches of at most the forwarder's size, and none waits longer than the delay."""
    destination = FakeDestination()
    with open_virtual_journal(tmp_path) as journal:
        await journal.add(make_observations(0, 250))
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(1)
            await journal.add(make_observations(250, 253))
            await asyncio.sleep(BATCH_DELAY + 0.01)
            assert destination.accepted == list(range(253))
            assert [len(batch) for batch in destination.batches] == [100, 100, 50, 3]
            assert destination.connections == 1
        assert await journal.load_cursor("destination") == Idle(253)


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    """Delivered entries are not delivered again after a restart; those added meanwhile are."""
    destination = FakeDestination()
    with open_virtual_journal(tmp_path) as journal:
        await journal.add(make_observations(0, 10))
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(1)
        await journal.add(make_observations(10, 20))
    with open_virtual_journal(tmp_path) as journal:
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(1)
    assert destination.accepted == list(range(20))


def test_an_outage_of_a_week_is_logged_once_and_loses_nothing(tmp_path: Path) -> None:
    """One log line at its start and one at its end; it is retried at least each minute, and nothing is lost."""
    virtual_time.run(_an_outage_of_a_week(tmp_path))


async def _an_outage_of_a_week(tmp_path: Path) -> None:
    destination = FakeDestination()
    destination.go_down()
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        async with run_forwarders(journal, destination=destination) as running:
            for hour in range(7 * 24):
                await journal.add(make_observations(hour * 6, hour * 6 + 6))
                await asyncio.sleep(3600)
            assert running.statuses()["destination"] == DeliveryStatus(0, 0, 1008, is_down=True)
            tries = destination.connections
            destination.come_up()
            await asyncio.sleep(61)
    assert destination.accepted == list(range(1008))
    assert WEEK / 60 <= tries < WEEK / 25
    assert [log["event"] for log in logs] == ["forwarder.down", "forwarder.recovered"]
    assert (logs[0]["reason"], logs[0]["log_level"]) == ("connection refused", "error")
    assert WEEK <= logs[1]["down"] <= WEEK + 60


async def test_a_destination_that_is_down_or_slow_does_not_slow_another(tmp_path: Path) -> None:
    """Every destination is served at its own pace, and the journal accepts entries meanwhile."""
    healthy, slow, down = FakeDestination(), FakeDestination(), FakeDestination()
    slow.delivery_seconds = DELIVERY_TIMEOUT - 1
    down.go_down()
    with open_virtual_journal(tmp_path) as journal, capture_warnings():
        async with run_forwarders(journal, healthy=healthy, slow=slow, down=down):
            for number in range(60):
                await journal.add(make_observations(number, number + 1))
                await asyncio.sleep(1)
            assert healthy.accepted == list(range(60))
            assert 0 < len(slow.accepted) < 60


async def test_a_hanging_delivery_is_cancelled_at_the_timeout(tmp_path: Path) -> None:
    """A delivery that hangs is cancelled at the timeout and retried; it is logged once, with the reason."""
    destination = FakeDestination()
    destination.delivery_seconds = WEEK
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        await journal.add(make_observations(0, 3))
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(10 * DELIVERY_TIMEOUT)
            destination.delivery_seconds = 0
            await asyncio.sleep(2 * DELIVERY_TIMEOUT + 60)
    assert destination.accepted == [0, 1, 2]
    assert [log["event"] for log in logs] == ["forwarder.down", "forwarder.recovered"]
    assert logs[0]["reason"] == f"no response within {DELIVERY_TIMEOUT:g} s"


async def test_a_batch_in_doubt_is_retried_unchanged(tmp_path: Path) -> None:
    """A destination that stored a batch but lost the response gets the same batch with the same key."""
    destination = FakeDestination()
    destination.lose_responses = 3
    with open_virtual_journal(tmp_path) as journal, capture_warnings():
        await journal.add(make_observations(0, 3))
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(0.6)
            await journal.add(make_observations(3, 6))
            await asyncio.sleep(60)
    assert destination.batches == [[0, 1, 2]] * 4 + [[3, 4, 5]]
    assert [destination.keys.index(key) for key in destination.keys] == [0, 0, 0, 0, 4]


async def test_a_batch_in_doubt_is_retried_after_a_crash(tmp_path: Path) -> None:
    """A batch in doubt is delivered again with its key after a crash, too."""
    destination = FakeDestination()
    destination.delivery_seconds = WEEK
    with open_virtual_journal(tmp_path) as journal:
        await journal.add(make_observations(0, 3))
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(1)
        await journal.add(make_observations(3, 6))
    destination.delivery_seconds = 0
    with open_virtual_journal(tmp_path) as journal:
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(1)
    assert destination.batches == [[0, 1, 2], [0, 1, 2], [3, 4, 5]]
    assert [destination.keys.index(key) for key in destination.keys] == [0, 0, 2]


async def test_a_connection_that_breaks_once_is_not_logged(tmp_path: Path) -> None:
    """After a working connection breaks once, the next one delivers the batch, and nothing is logged."""
    destination = FakeDestination()
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        async with run_forwarders(journal, destination=destination):
            await journal.add(make_observations(0, 3))
            await asyncio.sleep(1)
            destination.lose_responses = 1
            await journal.add(make_observations(3, 6))
            await asyncio.sleep(3)
            await journal.add(make_observations(6, 9))
            await asyncio.sleep(1)
    assert destination.batches == [[0, 1, 2], [3, 4, 5], [3, 4, 5], [6, 7, 8]]
    assert logs == []


@pytest.mark.parametrize("bad", [{0}, {99}, {7, 8, 50}])
async def test_a_rejected_observation_is_skipped_alone(tmp_path: Path, bad: set[float]) -> None:
    """Observations that are rejected alone are found, logged and recorded; all others are delivered, in order."""
    destination = FakeDestination()
    destination.rejected = bad
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        await journal.add(make_observations(0, 150))
        async with run_forwarders(journal, destination=destination) as running:
            await asyncio.sleep(1)
            assert running.statuses()["destination"] == DeliveryStatus(150 - len(bad), len(bad), 0, is_down=False)
        noted = journal.store._db.query("SELECT seq, reason FROM skipped WHERE forwarder = 'destination'")
    assert destination.accepted == [number for number in range(150) if number not in bad]
    assert sorted(noted) == [(number + 1, "not that one") for number in sorted(bad)]
    assert [(log["event"], log["count"]) for log in logs] == [("forwarder.skipped", len(bad))]


async def test_a_rejected_backlog_is_one_line(tmp_path: Path) -> None:
    """However many batches are rejected, the log has one line, with the number of observations and the first."""
    destination = FakeDestination()
    destination.rejected = set(map(float, range(1000)))
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        await journal.add(make_observations(0, 1000))
        async with run_forwarders(journal, destination=destination) as running:
            await asyncio.sleep(30)
            assert running.statuses()["destination"] == DeliveryStatus(0, 1000, 0, is_down=False)
    (line,) = logs
    assert (line["event"], line["count"], line["reason"]) == ("forwarder.skipped", 1000, "not that one")


async def test_every_acceptable_observation_of_a_rejected_batch_is_delivered(tmp_path: Path) -> None:
    """However many observations of a batch are rejected, the others between them are delivered."""
    destination = FakeDestination()
    destination.rejected = set(map(float, range(0, 200, 2)))
    with open_virtual_journal(tmp_path) as journal, capture_warnings():
        await journal.add(make_observations(0, 200))
        async with run_forwarders(journal, destination=destination) as running:
            await asyncio.sleep(10)
            assert running.statuses()["destination"] == DeliveryStatus(100, 100, 0, is_down=False)
    assert destination.accepted == list(range(1, 200, 2))


async def test_a_batch_that_is_rejected_whole_costs_few_deliveries(tmp_path: Path) -> None:
    """If everything is rejected, a batch costs a bounded number of deliveries and is skipped."""
    destination = FakeDestination()
    destination.rejected = set(map(float, range(1000)))
    with open_virtual_journal(tmp_path) as journal, capture_warnings():
        await journal.add(make_observations(0, 1000))
        async with run_forwarders(journal, destination=destination) as running:
            await asyncio.sleep(10)
            assert running.statuses()["destination"].skipped == 1000
    assert len(destination.batches) <= 10 * 110


async def test_catching_up_has_a_bounded_rate(tmp_path: Path) -> None:
    """However fast the destination is, the rate of deliveries leaves time for the pipeline."""
    destination = FakeDestination()
    with open_virtual_journal(tmp_path) as journal:
        for begin in range(0, 20_000, 2000):
            await journal.add(make_observations(begin, begin + 2000))
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(1.0)
            assert len(destination.accepted) == pytest.approx(MAX_RATE, abs=2 * destination.batch_size)
            await asyncio.sleep(1.1)
            assert len(destination.accepted) == 20_000


async def test_a_stop_delivers_what_is_left(tmp_path: Path) -> None:
    """A drain ends as soon as everything is delivered, without the delay for a larger batch."""
    destination = FakeDestination()
    destination.delivery_seconds = 0.2
    with open_virtual_journal(tmp_path) as journal:
        async with run_forwarders(journal, destination=destination) as running:
            await asyncio.sleep(1)
            await journal.add(make_observations(0, 250))
            begin = asyncio.get_running_loop().time()
            await running.drain(begin + 8)
            assert destination.accepted == list(range(250))
            assert asyncio.get_running_loop().time() - begin < BATCH_DELAY + 1.0


@pytest.mark.parametrize("fault", ["down", "hang"])
async def test_a_stop_does_not_wait_for_an_unavailable_destination(tmp_path: Path, fault: str) -> None:
    """A destination that is down gets one last attempt, one that hangs the time left; the rest stays in the journal."""
    destination = FakeDestination()
    with open_virtual_journal(tmp_path) as journal, capture_warnings():
        await journal.add(make_observations(0, 5))
        if fault == "down":
            destination.go_down()
        else:
            destination.delivery_seconds = WEEK
        async with run_forwarders(journal, destination=destination) as running:
            await asyncio.sleep(3)
            tries, begin = destination.connections, asyncio.get_running_loop().time()
            await running.drain(begin + 5)
            assert destination.connections <= tries + 1
            assert asyncio.get_running_loop().time() - begin <= (0.01 if fault == "down" else 5)
        assert (await journal.load_cursor("destination")).delivered == 0


async def test_a_revision_is_delivered_again(tmp_path: Path) -> None:
    """A revision is delivered again, a repeat is not."""
    destination = FakeDestination()
    with open_virtual_journal(tmp_path) as journal:
        async with run_forwarders(journal, destination=destination):
            for temperature in (1.0, 2.0, 2.0, 3.0):
                await journal.add([FetchedObservation(KIEL, observation(temperature=temperature))])
                await asyncio.sleep(1)
    assert destination.accepted == [1, 2, 3]


async def test_a_full_disk_delays_no_delivery(tmp_path: Path) -> None:
    """A cursor that cannot be saved on a full disk is saved with the next batch."""
    destination = FakeDestination()
    with open_virtual_journal(tmp_path) as journal:

        async def fails(*_: object) -> None:
            raise StateError("full")

        move = journal.save_cursor
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(1)
            journal.save_cursor = fails  # type: ignore[assignment, method-assign]
            await journal.add(make_observations(0, 5))
            await asyncio.sleep(1)
            journal.save_cursor = move  # type: ignore[method-assign]
            await journal.add(make_observations(5, 9))
            await asyncio.sleep(1)
        assert destination.accepted == list(range(9))
        assert (await journal.load_cursor("destination")).delivered == 9


async def test_retry_after_is_respected(tmp_path: Path) -> None:
    """After a DeliveryError with retry_after the destination is not contacted before that time."""
    destination = FakeDestination()
    destination.go_down(DeliveryError("slow down", retry_after=300))
    with open_virtual_journal(tmp_path) as journal, capture_warnings():
        await journal.add(make_observations(0, 3))
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(299)
            assert destination.connections == 1


async def test_a_bug_in_a_forwarder_is_contained_and_shown(tmp_path: Path) -> None:
    """Any exception is logged once with its traceback, and the delivery is retried."""
    destination = FakeDestination()
    destination.go_down(KeyError("x"))
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        await journal.add(make_observations(0, 3))
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(60)
            destination.come_up()
            await asyncio.sleep(60)
    assert destination.accepted == [0, 1, 2]
    assert isinstance(logs[0]["exc_info"], KeyError)


async def test_pruned_entries_are_passed_over(tmp_path: Path) -> None:
    """Entries that were pruned before delivery are passed over, also if none is left."""
    destination = FakeDestination()
    destination.go_down()
    with open_virtual_journal(tmp_path) as journal, capture_warnings():
        await journal.add(make_observations(0, 50))
        async with run_forwarders(journal, destination=destination) as running:
            await asyncio.sleep(10)
            assert await journal.prune(kept_until := 4e9, kept_until, ["destination"]) == {"destination": 50}
            destination.come_up()
            await asyncio.sleep(100)
            assert running.statuses()["destination"].behind == 0
            await journal.add(make_observations(60, 63))
            await asyncio.sleep(10)
    assert destination.accepted == [60, 61, 62]
