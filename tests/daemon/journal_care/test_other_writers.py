"""Entries of other processes."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.fakes import KIEL, VirtualJournal, make_fetched, observation
from tests.support.virtual_time import EPOCH
from weatherd.daemon.journal_care.other_writers import notice_other_writers
from weatherd.journal.store import Store

if TYPE_CHECKING:
    from pathlib import Path


async def test_entries_of_another_process_are_noticed(tmp_path: Path) -> None:
    """Who waits for entries gets those of ``weatherd import`` and ``weatherd backfill``, within 20 s."""
    file = tmp_path / "weatherd.sqlite"
    with contextlib.closing(VirtualJournal(file)) as journal, contextlib.closing(Store(file)) as other:
        await journal.add([make_fetched(KIEL)])
        task = asyncio.create_task(notice_other_writers(journal))
        waiting = asyncio.create_task(journal.wait_for_entries(journal.last_seq))
        await asyncio.sleep(30)
        assert not waiting.done()
        past = [observation(KIEL, observed_at=EPOCH - timedelta(hours=hour), origin="import") for hour in (2, 1)]
        added = other.add_past(past)
        async with asyncio.timeout(21):
            await waiting
        assert journal.last_seq == added.last_seq
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
