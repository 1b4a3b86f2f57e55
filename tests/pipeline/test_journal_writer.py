"""The keeper: nothing is lost and nothing comes twice while the journal cannot be written."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.pipeline.forwarders.far import journal, told
from tests.support.daemon import DaemonRunner, make_configuration
from tests.support.fakes import KIEL, FakeProvider, FakeSink, VirtualJournal, arrival
from weatherd.city import City
from weatherd.errors import StateError
from weatherd.journal.journal import Journal, open_journal
from weatherd.pipeline.journal_writer import JournalWriter
from weatherd.pipeline.queue import ObservationCounts, ObservationQueue

if TYPE_CHECKING:
    from pathlib import Path

CITIES = [City(name=f"City {n}", lat=n / 2, lon=10.0, interval=600.0, providers=("fake",)) for n in range(40)]
FULL = StateError("database or disk is full; free some disk space")


def stored(kept: Journal) -> list[tuple[Any, ...]]:
    """Return the identities in a journal."""
    return kept._store._db.query("SELECT city, observed_at FROM observation ORDER BY seq")


async def test_a_full_disk_delays_and_loses_nothing(tmp_path: Path) -> None:
    """All is printed meanwhile, told once, and in the journal once there is room again."""
    provider, sink = FakeProvider().answers(), FakeSink()
    with journal(tmp_path) as kept, told() as logs:
        running = DaemonRunner(provider, {"sink": sink}, make_configuration(*CITIES), journal=kept)
        task = asyncio.create_task(running.run())
        await asyncio.sleep(3600)
        before = len(stored(kept))
        kept.fails(FULL, 200)
        await asyncio.sleep(900)
        assert (len(stored(kept)), len(sink.got)) == (before, len(provider.given))
        await asyncio.sleep(3600)
        running.stop.set()
        assert await task
        assert len(set(stored(kept))) == len(stored(kept)) == len(provider.given)
    account = logs[-1]
    assert account["fetched"] == account["stored"] == len(provider.given)
    assert [log["event"] for log in logs if log["event"].startswith("sink.")] == ["sink.down", "sink.recovered"]


async def test_in_the_end_the_producers_wait(tmp_path: Path) -> None:
    """No more than the queue's size is on its way; a stop that cannot store it says so, and the account adds up."""
    provider, sink = FakeProvider().answers(), FakeSink()
    with journal(tmp_path) as kept, told() as logs:
        kept.fails(FULL, 10_000)
        running = DaemonRunner(provider, {"sink": sink}, make_configuration(*CITIES, queue_size=100), journal=kept)
        task = asyncio.create_task(running.run())
        await asyncio.sleep(20_000)
        waiting = len(sink.got)
        running.stop.set()
        assert not await task
    stopped = logs[-1]
    assert waiting == 100
    assert len(sink.got) == stopped["queued"]  # also what the producers had in their hands at the stop
    assert 100 <= stopped["queued"] == stopped["fetched"] <= 100 + len(CITIES)
    assert (stopped["clean"], stopped["stored"]) == (False, 0)


async def _keep(batch: list[Any], add: Any) -> ObservationCounts:
    channel, account = ObservationQueue(1000), ObservationCounts(fetched=len(batch))
    keeper = JournalWriter(add, channel, account)
    for item in batch:
        await channel.put(item)
    keeper.submit(batch)
    keeper.close()
    await keeper.run()
    assert account.fetched == account.stored + account.repeated + account.dropped + channel.depth
    return account


async def test_what_the_journal_cannot_hold_is_dropped_alone(tmp_path: Path) -> None:
    """An observation that no journal can hold costs itself: it is told with its city, and counted."""
    batch = [arrival(code=n, temperature=float(n), station=f"{n}") for n in range(20)]
    batch[7] = arrival(code=2**70)
    with journal(tmp_path) as kept, capture_logs() as logs:
        account = await _keep(batch, kept.add)
        assert (account.stored, account.dropped) == (19, 1)
    dropped = [log for log in logs if log["event"] == "observation.dropped"]
    assert [(log["city"], log["log_level"]) for log in dropped] == [(KIEL.id, "error")]


async def test_a_writing_that_hangs_is_told(tmp_path: Path) -> None:
    """Nobody waits for ever without a word."""
    with journal(tmp_path) as kept, told() as logs:

        async def slowly(batch: Any) -> int:
            await asyncio.sleep(100)
            return await VirtualJournal.add(kept, batch)

        await _keep([arrival()], slowly)
    assert [(log["event"], log["sink"]) for log in logs] == [("sink.down", "journal"), ("sink.recovered", "journal")]


def _takes_one_too_few(patch: pytest.MonkeyPatch) -> None:
    take = ObservationQueue.get_batch

    async def taken(self: ObservationQueue) -> list[Any]:
        return (await take(self))[:-1] or await take(self)

    patch.setattr(ObservationQueue, "get_batch", taken)


def _keeps_half(patch: pytest.MonkeyPatch) -> None:
    put = JournalWriter.submit
    patch.setattr(JournalWriter, "submit", lambda self, batch: put(self, batch[len(batch) // 2 :]))


def _forgets_its_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JournalWriter, "_store", lambda *_: asyncio.sleep(0))


def _never_done(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ObservationQueue, "mark_done", lambda *_: None)


@pytest.mark.parametrize("spoil", [None, _takes_one_too_few, _keeps_half, _forgets_its_count, _never_done])
async def test_the_account_shows_what_is_broken(monkeypatch: pytest.MonkeyPatch, spoil: Any) -> None:
    """A road that loses, forgets or miscounts anywhere ends with an account that is not clean or does not add up."""
    if spoil:
        spoil(monkeypatch)
    running = DaemonRunner(FakeProvider().answers(), {}, make_configuration(*CITIES))
    asyncio.get_running_loop().call_later(3600, running.stop.set)
    with told() as logs:
        await running.run()
    account = logs[-1]
    ends = account["stored"] + account["repeated"] + account["dropped"] + account["queued"]
    assert (account["clean"] and account["fetched"] == ends) == (spoil is None)


def _fill(file: Path) -> None:
    """Take all the room that there is."""
    with file.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(b"x" * 1024)


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """On a file system without room: refused at the start; while running, kept back and stored when there is room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.getuid() or subprocess.run(mount, check=False, capture_output=True).returncode:  # noqa: ASYNC221, S603
        pytest.skip("only root can mount a small disk")
    try:
        filler = disk / "filler"
        async with open_journal(disk / "state") as kept:
            await kept.add([arrival()])
            _fill(filler)
            batch = [arrival(temperature=float(n), station=f"{n}") for n in range(200)]
            with told() as logs:
                keeping = asyncio.create_task(_keep(batch, kept.add))
                async with asyncio.timeout(20):
                    while not logs:  # noqa: ASYNC110 - a thread writes
                        await asyncio.sleep(0.01)
                filler.unlink()
                assert (await keeping).stored == 200
            assert "full" in logs[0]["reason"]
            _fill(filler)
        with pytest.raises(StateError, match="full; free some disk space"):
            async with open_journal(disk / "state"):
                pass
    finally:
        subprocess.run(["umount", str(disk)], check=True)  # noqa: ASYNC221, S603, S607


async def test_what_comes_soon_after_is_stored_together() -> None:
    """The first is stored at once; what comes in the moment after that shares a transaction."""
    transactions: list[int] = []

    async def add(batch: Any) -> int:
        transactions.append(len(batch))
        return len(batch)

    channel, account = ObservationQueue(1000), ObservationCounts()
    keeper = JournalWriter(add, channel, account)
    keeping = asyncio.create_task(keeper.run())
    for number in range(10):
        item = arrival(temperature=float(number))
        await channel.put(item)
        keeper.submit([item])
        await asyncio.sleep(0.001)
    keeper.submit([arrival()])
    await channel.put(arrival())
    keeper.close()
    await keeping
    assert transactions == [1, 10]
    assert (account.stored, channel.depth) == (11, 0)
