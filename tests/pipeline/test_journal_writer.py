"""The journal writer: nothing is lost or stored twice while the journal cannot be written."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.pipeline.forwarders.destination import capture_warnings, open_virtual_journal
from tests.support.daemon import DaemonRunner, make_configuration
from tests.support.fakes import KIEL, FakeProvider, FakeSink, VirtualJournal, make_fetched
from weatherd.city import City
from weatherd.errors import StateError
from weatherd.journal.journal import Journal, open_journal
from weatherd.pipeline.journal_writer import JournalWriter
from weatherd.pipeline.queue import ObservationCounts, ObservationQueue

if TYPE_CHECKING:
    from pathlib import Path

CITIES = [City(name=f"City {n}", lat=n / 2, lon=10.0, interval=600.0, providers=("fake",)) for n in range(40)]
FULL = StateError("database or disk is full; free some disk space")


def read_stored(journal: Journal) -> list[tuple[Any, ...]]:
    """Return the identities of a journal's observations."""
    return journal._store._db.query("SELECT city, observed_at FROM observation ORDER BY seq")


async def test_a_full_disk_delays_and_loses_nothing(tmp_path: Path) -> None:
    """Sinks get everything meanwhile, one outage is logged, and everything is stored when there is room again."""
    provider, sink = FakeProvider().responds(), FakeSink()
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        running = DaemonRunner(provider, {"sink": sink}, make_configuration(*CITIES), journal=journal)
        task = asyncio.create_task(running.run())
        await asyncio.sleep(3600)
        before = len(read_stored(journal))
        journal.fails(FULL, 200)
        await asyncio.sleep(900)
        assert (len(read_stored(journal)), len(sink.received)) == (before, len(provider.returned))
        await asyncio.sleep(3600)
        running.stop.set()
        assert await task
        assert len(set(read_stored(journal))) == len(read_stored(journal)) == len(provider.returned)
    counts = logs[-1]
    assert counts["fetched"] == counts["stored"] == len(provider.returned)
    assert [log["event"] for log in logs if log["event"].startswith("sink.")] == ["sink.down", "sink.recovered"]


async def test_a_long_outage_makes_the_producers_wait(tmp_path: Path) -> None:
    """At most the queue's size is in flight; a stop that cannot store it is not clean, and the counts add up."""
    provider, sink = FakeProvider().responds(), FakeSink()
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        journal.fails(FULL, 10_000)
        running = DaemonRunner(provider, {"sink": sink}, make_configuration(*CITIES, queue_size=100), journal=journal)
        task = asyncio.create_task(running.run())
        await asyncio.sleep(20_000)
        waiting = len(sink.received)
        running.stop.set()
        assert not await task
    stopped = logs[-1]
    assert waiting == 100
    assert len(sink.received) == stopped["queued"]  # also what the producers had in their hands at the stop
    assert 100 <= stopped["queued"] == stopped["fetched"] <= 100 + len(CITIES)
    assert (stopped["clean"], stopped["stored"]) == (False, 0)


async def _write(batch: list[Any], add: Any) -> ObservationCounts:
    queue = ObservationQueue(1000)
    writer = JournalWriter(add, queue)
    for item in batch:
        await queue.put(item)
    writer.submit(batch)
    writer.close()
    await writer.run()
    counts = queue.counts
    assert len(batch) == counts.fetched == counts.stored + counts.repeated + counts.dropped
    assert queue.depth == 0
    return counts


async def test_an_observation_that_cannot_be_stored_is_dropped_alone(tmp_path: Path) -> None:
    """An observation that the journal cannot represent is logged with its city and counted; the others are stored."""
    batch = [make_fetched(code=n, temperature=float(n), station=f"{n}") for n in range(20)]
    batch[7] = make_fetched(code=2**70)
    with open_virtual_journal(tmp_path) as journal, capture_logs() as logs:
        counts = await _write(batch, journal.add)
        assert (counts.stored, counts.dropped) == (19, 1)
    dropped = [log for log in logs if log["event"] == "observation.dropped"]
    assert [(log["city"], log["log_level"]) for log in dropped] == [(KIEL.id, "error")]


async def test_a_write_that_hangs_is_logged(tmp_path: Path) -> None:
    """A write that hangs is logged as an outage, and its end as a recovery."""
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:

        async def slowly(batch: Any) -> int:
            await asyncio.sleep(100)
            return await VirtualJournal.add(journal, batch)

        await _write([make_fetched()], slowly)
    assert [(log["event"], log["sink"]) for log in logs] == [("sink.down", "journal"), ("sink.recovered", "journal")]


def _lose_one_of_a_batch(patch: pytest.MonkeyPatch) -> None:
    take = ObservationQueue.get_batch

    async def taken(self: ObservationQueue) -> list[Any]:
        return (await take(self))[:-1] or await take(self)

    patch.setattr(ObservationQueue, "get_batch", taken)


def _submit_half(patch: pytest.MonkeyPatch) -> None:
    put = JournalWriter.submit
    patch.setattr(JournalWriter, "submit", lambda self, batch: put(self, batch[len(batch) // 2 :]))


def _store_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JournalWriter, "_store", lambda *_: asyncio.sleep(0))


def _never_mark_done(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ObservationQueue, "mark_done", lambda *_: None)


@pytest.mark.parametrize("spoil", [None, _lose_one_of_a_batch, _submit_half, _store_nothing, _never_mark_done])
async def test_the_counts_show_a_broken_pipeline(monkeypatch: pytest.MonkeyPatch, spoil: Any) -> None:
    """A pipeline that loses or miscounts anything ends with counts that are not clean or do not add up."""
    if spoil:
        spoil(monkeypatch)
    running = DaemonRunner(FakeProvider().responds(), {}, make_configuration(*CITIES))
    asyncio.get_running_loop().call_later(3600, running.stop.set)
    with capture_warnings() as logs:
        await running.run()
    counts = logs[-1]
    ends = counts["stored"] + counts["repeated"] + counts["dropped"] + counts["queued"]
    assert (counts["clean"] and counts["fetched"] == ends) == (spoil is None)


def _fill(file: Path) -> None:
    """Fill the file system."""
    with file.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(b"x" * 1024)


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """On a full file system the start fails; a running daemon stores everything when there is room again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.getuid() or subprocess.run(mount, check=False, capture_output=True).returncode:  # noqa: ASYNC221, S603
        pytest.skip("only root can mount a small disk")
    try:
        filler = disk / "filler"
        async with open_journal(disk / "state") as journal:
            await journal.add([make_fetched()])
            _fill(filler)
            batch = [make_fetched(temperature=float(n), station=f"{n}") for n in range(200)]
            with capture_warnings() as logs:
                writing = asyncio.create_task(_write(batch, journal.add))
                async with asyncio.timeout(20):
                    while not logs:  # noqa: ASYNC110 - a thread writes
                        await asyncio.sleep(0.01)
                filler.unlink()
                assert (await writing).stored == 200
            assert "full" in logs[0]["reason"]
            _fill(filler)
        with pytest.raises(StateError, match="full; free some disk space"):
            async with open_journal(disk / "state"):
                pass
    finally:
        subprocess.run(["umount", str(disk)], check=True)  # noqa: ASYNC221, S603, S607


async def test_what_arrives_during_a_transaction_shares_the_next_one() -> None:
    """A single observation is stored at once; those that are submitted meanwhile are stored together."""
    transactions: list[int] = []

    async def add(batch: Any) -> int:
        transactions.append(len(batch))
        await asyncio.sleep(1)
        return len(batch)

    queue = ObservationQueue(1000)
    writer = JournalWriter(add, queue)
    writing = asyncio.create_task(writer.run())
    for number in range(11):
        item = make_fetched(temperature=float(number))
        await queue.put(item)
        writer.submit([item])
        await asyncio.sleep(0.001)
    writer.close()
    await writing
    assert transactions == [1, 10]
    assert (queue.counts.stored, queue.depth) == (11, 0)
