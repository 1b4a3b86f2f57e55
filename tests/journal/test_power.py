"""Power cuts, simulated by a write-ahead log that is cut or damaged."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.forwarders.destination import make_observations
from weatherd.journal.store import Store
from weatherd.journal.tables.cursors import Idle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

BATCH, BATCHES, CUTS = 7, 40, 60


@pytest.mark.parametrize("damage", ["cut", "zeros", "noise"])
def test_a_prefix_of_the_batches_survives(tmp_path: Path, damage: str) -> None:
    """Wherever the log ends, or turns to zeros or noise: the file is whole, and has the first batches, each complete.

    The cursor never points beyond what is there.
    """
    file, chance, seen = tmp_path / "weatherd.sqlite", random.Random(damage), set()
    store = Store(file)
    for number in range(BATCHES):
        store.add(make_observations(number * BATCH, (number + 1) * BATCH))
        store.cursors.save("destination", Idle((number + 1) * BATCH))
    log = file.with_name("weatherd.sqlite-wal").read_bytes()
    for cut in range(CUTS):
        (folder := tmp_path / f"{cut}").mkdir()
        shutil.copy(file, folder)
        offset = chance.randrange(len(log))
        rest = {"cut": b"", "zeros": bytes(len(log) - offset), "noise": chance.randbytes(len(log) - offset)}[damage]
        (folder / "weatherd.sqlite-wal").write_bytes(log[:offset] + rest)
        with closing(Store(folder / file.name)) as found:
            end, cursor = found.last_seq(), found.cursors.load("destination").delivered
            assert found.add(make_observations(0, 1000)).stored == 1000 - end
        with closing(sqlite3.connect(folder / file.name)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert db.execute("SELECT count(*) FROM observation").fetchone() == (1000,)
        assert end % BATCH == 0
        assert cursor in (end, end - BATCH)
        seen.add(end)
        shutil.rmtree(folder)
    store.close()
    assert len(seen) > BATCHES / 3
