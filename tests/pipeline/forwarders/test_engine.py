"""The engine of the forwarders, on virtual time, against a far side of the test's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.forwarders.far import Far, arrivals, forwards, journal, told
from tests.support import virtual_time
from tests.support.fakes import KIEL, observation
from weatherd.errors import DeliveryError, StateError
from weatherd.journal.cursors import Idle
from weatherd.observation import FetchedObservation
from weatherd.pipeline.forwarders.engine import BATCH_DELAY, DELIVERY_TIMEOUT, MAX_RATE

if TYPE_CHECKING:
    from pathlib import Path

WEEK = 7 * 86400.0


async def test_everything_is_delivered_in_order_and_once(tmp_path: Path) -> None:
    """What was there before, and what comes; in batches of the far side's size, and none waits for company for long."""
    far = Far()
    with journal(tmp_path) as kept:
        await kept.add(arrivals(0, 250))
        async with forwards(kept, far=far):
            await asyncio.sleep(1)
            await kept.add(arrivals(250, 253))
            await asyncio.sleep(BATCH_DELAY + 0.01)
            assert far.got == list(range(253))
            assert [len(batch) for batch in far.batches] == [100, 100, 50, 3]
            assert far.connections == 1
        assert await kept.load_cursor("far") == Idle(253)


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    """What was delivered is not delivered again; what came meanwhile is."""
    far = Far()
    with journal(tmp_path) as kept:
        await kept.add(arrivals(0, 10))
        async with forwards(kept, far=far):
            await asyncio.sleep(1)
        await kept.add(arrivals(10, 20))
    with journal(tmp_path) as kept:
        async with forwards(kept, far=far):
            await asyncio.sleep(1)
    assert far.got == list(range(20))


def test_an_outage_of_a_week_is_told_once_and_loses_nothing(tmp_path: Path) -> None:
    """One line when it begins, one when it ends; it is tried at least each minute, and all is there afterwards."""
    virtual_time.run(_an_outage_of_a_week(tmp_path))


async def _an_outage_of_a_week(tmp_path: Path) -> None:
    far = Far()
    far.is_down()
    with journal(tmp_path) as kept, told() as logs:
        async with forwards(kept, far=far) as running:
            for hour in range(7 * 24):
                await kept.add(arrivals(hour * 6, hour * 6 + 6))
                await asyncio.sleep(3600)
            assert running.counters()["far"] == {"delivered": 0, "skipped": 0, "behind": 1008}
            tries = far.connections
            far.is_up()
            await asyncio.sleep(61)
    assert far.got == list(range(1008))
    assert WEEK / 60 <= tries < WEEK / 25
    assert [log["event"] for log in logs] == ["forwarder.down", "forwarder.recovered"]
    assert (logs[0]["reason"], logs[0]["log_level"]) == ("nobody there", "error")
    assert WEEK <= logs[1]["down"] <= WEEK + 60


async def test_one_that_is_down_or_slow_does_not_slow_another(tmp_path: Path) -> None:
    """Each far side has its own pace, and the journal takes more meanwhile."""
    well, slow, down = Far(), Far(), Far()
    slow.takes = DELIVERY_TIMEOUT - 1
    down.is_down()
    with journal(tmp_path) as kept, told():
        async with forwards(kept, well=well, slow=slow, down=down):
            for number in range(60):
                await kept.add(arrivals(number, number + 1))
                await asyncio.sleep(1)
            assert well.got == list(range(60))
            assert 0 < len(slow.got) < 60


async def test_one_that_hangs_is_left_at_the_deadline(tmp_path: Path) -> None:
    """A delivery without an end is cancelled and made again; it is told once, with the reason."""
    far = Far()
    far.takes = WEEK
    with journal(tmp_path) as kept, told() as logs:
        await kept.add(arrivals(0, 3))
        async with forwards(kept, far=far):
            await asyncio.sleep(10 * DELIVERY_TIMEOUT)
            far.takes = 0
            await asyncio.sleep(2 * DELIVERY_TIMEOUT + 60)
    assert far.got == [0, 1, 2]
    assert [log["event"] for log in logs] == ["forwarder.down", "forwarder.recovered"]
    assert logs[0]["reason"] == f"no response within {DELIVERY_TIMEOUT:g} s"


async def test_the_same_batch_is_tried_again_as_it_was(tmp_path: Path) -> None:
    """A far side that took a batch and died before it said so can know it again, whatever has come since."""
    far = Far()
    far.dies_after = 3
    with journal(tmp_path) as kept, told():
        await kept.add(arrivals(0, 3))
        async with forwards(kept, far=far):
            await asyncio.sleep(0.6)
            await kept.add(arrivals(3, 6))
            await asyncio.sleep(60)
    assert far.batches == [[0, 1, 2]] * 4 + [[3, 4, 5]]
    assert [far.keys.index(key) for key in far.keys] == [0, 0, 0, 0, 4]


async def test_also_after_a_crash(tmp_path: Path) -> None:
    """How far the last attempt went outlives the process."""
    far = Far()
    far.takes = WEEK
    with journal(tmp_path) as kept:
        await kept.add(arrivals(0, 3))
        async with forwards(kept, far=far):
            await asyncio.sleep(1)
        await kept.add(arrivals(3, 6))
    far.takes = 0
    with journal(tmp_path) as kept:
        async with forwards(kept, far=far):
            await asyncio.sleep(1)
    assert far.batches == [[0, 1, 2], [0, 1, 2], [3, 4, 5]]
    assert [far.keys.index(key) for key in far.keys] == [0, 0, 2]


async def test_a_link_that_breaks_once_is_not_worth_a_line(tmp_path: Path) -> None:
    """A connection that did well may end; the next one takes what it did not."""
    far = Far()
    with journal(tmp_path) as kept, told() as logs:
        async with forwards(kept, far=far):
            await kept.add(arrivals(0, 3))
            await asyncio.sleep(1)
            far.dies_after = 1
            await kept.add(arrivals(3, 6))
            await asyncio.sleep(3)
            await kept.add(arrivals(6, 9))
            await asyncio.sleep(1)
    assert far.batches == [[0, 1, 2], [3, 4, 5], [3, 4, 5], [6, 7, 8]]
    assert logs == []


@pytest.mark.parametrize("bad", [{0}, {99}, {7, 8, 50}])
async def test_a_poison_is_set_aside_and_the_rest_goes_on(tmp_path: Path, bad: set[float]) -> None:
    """What is refused by itself is found, told and noted; everything else is taken, in order."""
    far = Far()
    far.dislikes = bad
    with journal(tmp_path) as kept, told() as logs:
        await kept.add(arrivals(0, 150))
        async with forwards(kept, far=far) as running:
            await asyncio.sleep(1)
            assert running.counters()["far"] == {"delivered": 150 - len(bad), "skipped": len(bad), "behind": 0}
        noted = kept.store._db.query("SELECT seq, reason FROM skipped WHERE forwarder = 'far'")
    assert far.got == [number for number in range(150) if number not in bad]
    assert sorted(noted) == [(number + 1, "not that one") for number in sorted(bad)]
    assert [(log["event"], log["count"]) for log in logs] == [("forwarder.skipped", 1)] * len(bad)


async def test_a_far_side_that_takes_nothing_is_not_asked_for_each(tmp_path: Path) -> None:
    """When all is refused, a batch costs a bounded number of deliveries, and is set aside."""
    far = Far()
    far.dislikes = set(map(float, range(1000)))
    with journal(tmp_path) as kept, told():
        await kept.add(arrivals(0, 1000))
        async with forwards(kept, far=far) as running:
            await asyncio.sleep(10)
            assert running.counters()["far"]["skipped"] == 1000
    assert len(far.batches) <= 10 * 110


async def test_catching_up_has_a_bounded_rate(tmp_path: Path) -> None:
    """However fast the far side is, the loop has time for the road."""
    far = Far()
    with journal(tmp_path) as kept:
        for begin in range(0, 20_000, 2000):
            await kept.add(arrivals(begin, begin + 2000))
        async with forwards(kept, far=far):
            await asyncio.sleep(1.0)
            assert len(far.got) == pytest.approx(MAX_RATE, abs=2 * far.batch_size)
            await asyncio.sleep(1.1)
            assert len(far.got) == 20_000


async def test_a_stop_delivers_what_is_left(tmp_path: Path) -> None:
    """A drain ends as soon as all is there, without waiting for company."""
    far = Far()
    far.takes = 0.2
    with journal(tmp_path) as kept:
        async with forwards(kept, far=far) as running:
            await asyncio.sleep(1)
            await kept.add(arrivals(0, 250))
            begin = asyncio.get_running_loop().time()
            await running.drain(begin + 8)
            assert far.got == list(range(250))
            assert asyncio.get_running_loop().time() - begin < BATCH_DELAY + 1.0


@pytest.mark.parametrize("fault", ["down", "hang"])
async def test_a_stop_does_not_wait_for_one_that_cannot(tmp_path: Path, fault: str) -> None:
    """One that is down gets one last try, one that hangs the time that there is; the rest stays in the journal."""
    far = Far()
    with journal(tmp_path) as kept, told():
        await kept.add(arrivals(0, 5))
        if fault == "down":
            far.is_down()
        else:
            far.takes = WEEK
        async with forwards(kept, far=far) as running:
            await asyncio.sleep(3)
            tries, begin = far.connections, asyncio.get_running_loop().time()
            await running.drain(begin + 5)
            assert far.connections <= tries + 1
            assert asyncio.get_running_loop().time() - begin <= (0.01 if fault == "down" else 5)
        assert (await kept.load_cursor("far")).delivered == 0


async def test_a_revision_is_delivered_again(tmp_path: Path) -> None:
    """A service that corrects itself is heard, and a repeat is not."""
    far = Far()
    with journal(tmp_path) as kept:
        async with forwards(kept, far=far):
            for temperature in (1.0, 2.0, 2.0, 3.0):
                await kept.add([FetchedObservation(KIEL, observation(temperature=temperature))])
                await asyncio.sleep(1)
    assert far.got == [1, 2, 3]


async def test_a_full_disk_delays_no_delivery(tmp_path: Path) -> None:
    """A cursor that cannot be written now is written with the next one."""
    far = Far()
    with journal(tmp_path) as kept:

        async def fails(*_: object) -> None:
            raise StateError("full")

        move = kept.save_cursor
        async with forwards(kept, far=far):
            await asyncio.sleep(1)
            kept.save_cursor = fails  # type: ignore[assignment, method-assign]
            await kept.add(arrivals(0, 5))
            await asyncio.sleep(1)
            kept.save_cursor = move  # type: ignore[method-assign]
            await kept.add(arrivals(5, 9))
            await asyncio.sleep(1)
        assert far.got == list(range(9))
        assert (await kept.load_cursor("far")).delivered == 9


async def test_what_is_asked_for_is_waited_for(tmp_path: Path) -> None:
    """A far side that names a time is left alone until then."""
    far = Far()
    far.is_down(DeliveryError("slow down", retry_after=300))
    with journal(tmp_path) as kept, told():
        await kept.add(arrivals(0, 3))
        async with forwards(kept, far=far):
            await asyncio.sleep(299)
            assert far.connections == 1


async def test_a_bug_in_a_forwarder_is_contained_and_shown(tmp_path: Path) -> None:
    """Whatever is raised, it is told once with its traceback, and tried again."""
    far = Far()
    far.is_down(KeyError("x"))
    with journal(tmp_path) as kept, told() as logs:
        await kept.add(arrivals(0, 3))
        async with forwards(kept, far=far):
            await asyncio.sleep(60)
            far.is_up()
            await asyncio.sleep(60)
    assert far.got == [0, 1, 2]
    assert isinstance(logs[0]["exc_info"], KeyError)


async def test_what_is_too_old_is_passed_over(tmp_path: Path) -> None:
    """Retention goes before delivery; the engine goes on with what is left, also when nothing is."""
    far = Far()
    far.is_down()
    with journal(tmp_path) as kept, told():
        await kept.add(arrivals(0, 50))
        async with forwards(kept, far=far):
            await asyncio.sleep(10)
            assert await kept.prune(kept_until := 4e9, kept_until, ["far"]) == {"far": 50}
            far.is_up()
            await asyncio.sleep(100)
            await kept.add(arrivals(60, 63))
            await asyncio.sleep(10)
    assert far.got == [60, 61, 62]
