"""The copy that docs/operations.md describes, made while weatherd writes."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tests.pipeline.forwarders.destination import make_observations
from weatherd.journal.reader import Reader
from weatherd.journal.store import Store
from weatherd.journal.tables.cursors import Idle

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


@contextlib.contextmanager
def _writing(store: Store, begin: int) -> Iterator[list[int]]:
    """Store one observation after the other inside the ``with``, which begins when the first two are stored.

    Yields the numbers of those that are stored.
    """
    stored, begun, stop = [begin], threading.Event(), threading.Event()

    def write() -> None:
        while not stop.is_set():
            store.add(make_observations(stored[-1], stored[-1] + 1))
            stored.append(stored[-1] + 1)
            if len(stored) > 2:
                begun.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert begun.wait(60)
        yield stored
    finally:
        stop.set()
        thread.join()


def test_a_journal_in_use_can_be_copied(tmp_path: Path) -> None:
    """The documented command copies a journal that is written all the time; the copy is a journal of that moment."""
    (statement,) = re.findall(r'^sqlite3 \S+ "(.* INTO .*)"', _OPERATIONS.read_text(), re.MULTILINE)
    copy = tmp_path / "copy.sqlite"
    with contextlib.closing(Store(tmp_path / "weatherd.sqlite")) as store:
        store.add(make_observations(0, 5000))
        store.cursors.save("webhook", Idle(4000))
        with _writing(store, 5000) as stored:
            with contextlib.closing(sqlite3.connect(tmp_path / "weatherd.sqlite")) as connection:
                connection.execute(statement.replace("copy.sqlite", str(copy)))
            at_the_end = stored[-1]
    with contextlib.closing(Store(copy)) as copied, contextlib.closing(Reader(copy)) as reader:
        entries = reader.read_after(0, 1_000_000)
        assert 5002 <= len(entries) <= at_the_end + 1
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        assert copied.cursors.load("webhook") == Idle(4000)
