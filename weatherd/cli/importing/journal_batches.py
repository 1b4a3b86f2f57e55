"""Observations of files in the journal, in batches."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from weatherd.journal.journal import open_journal
from weatherd.journal.reader import Reader
from weatherd.journal.state_folder import is_state_folder_locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from weatherd.cli.importing.summary import ImportSummary
    from weatherd.observation import Observation


async def store_batches(
    file: Path, batches: Iterable[Sequence[Observation]], summary: ImportSummary, report: Callable[[], None]
) -> None:
    """Add each batch to a journal file, which is created if missing, in one transaction. Raises StateError.

    A daemon may use the journal at the same time. After an interruption, a repetition adds the rest.
    """
    if is_state_folder_locked(file.parent):
        with contextlib.closing(Reader(file)):  # raises for another version, which must not be migrated meanwhile
            pass
    async with open_journal(file.parent) as journal:
        for batch in batches:
            if batch:  # there is none while a file is sorted
                added = await journal.add_past(batch)
                summary.count(batch, added.stored)
            report()
