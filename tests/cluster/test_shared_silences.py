"""Silences that are given to one node hold on all, and end on all; the table is a real one."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from tests.support.fakes import VirtualJournal
from tests.support.servers import Postgres, running
from tests.support.virtual_time import EPOCH
from weatherd.alerts.silences import Silence
from weatherd.cluster.alerts.shared_silences import SILENCE_TABLES, SharedSilences

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

BEGIN = EPOCH.timestamp()


class SilencedNode:
    """A node with its journal, at the time *now* in seconds since the beginning."""

    def __init__(self, folder: Path, connection: Any) -> None:
        folder.mkdir()
        self.journal = VirtualJournal(folder / "weatherd.sqlite")
        self.now = 0.0
        self._connection = connection
        self._silences = SharedSilences(self.journal, lambda: EPOCH + timedelta(seconds=self.now))

    async def exchange(self) -> list[tuple[str | None, float]]:
        """Exchange silences; return rule and end of those in force."""
        await self._silences.exchange(self._connection)
        loaded = self.journal.store.silences.load()
        return sorted((silence.rule, silence.ends - BEGIN) for silence in loaded if silence.ends - BEGIN > self.now)

    def silence(self, rule: str, seconds: float) -> int:
        """Silence a rule from now on."""
        begins = BEGIN + self.now
        return self.journal.store.silences.add(
            Silence(0, rule, None, (("region", "north"),), begins, begins + seconds, "“night”")
        )

    def forget_ended(self) -> None:
        """Delete the silences that have ended, as the daemon does."""
        ended = [silence.id for silence in self.journal.store.silences.load() if silence.ends - BEGIN <= self.now]
        self.journal.store.silences.delete(ended)


async def test_a_silence_holds_on_all_nodes_until_one_of_them_ends_it(tmp_path: Path) -> None:
    """It is taken from the table once, and an end on any node ends it on all, also if it was deleted there since."""
    server = Postgres()
    async with running(server):
        connection = await asyncpg.connect(server.dsn)
        await connection.execute(SILENCE_TABLES["weatherd_silence"])
        nodes = [SilencedNode(tmp_path / name, connection) for name in ("n1", "n2", "n3")]
        with contextlib.ExitStack() as stack:
            for node in nodes:
                stack.callback(node.journal.close)
            first, second, third = nodes
            first.silence("frost", 3600)
            second.silence("gale", 600)
            found: list[tuple[str | None, float]] = []
            for now in (10, 20):
                for node in nodes:
                    node.now = now
                    found = await node.exchange()
            assert found == [("frost", 3600.0), ("gale", 610.0 - 10.0)]
            assert [len(node.journal.store.silences.load()) for node in nodes] == [2, 2, 2]
            number = next(each.id for each in third.journal.store.silences.load() if each.rule == "frost")
            third.journal.store.silences.end(number, BEGIN + 25)
            for now in (30, 40, 50):
                for node in nodes[::-1]:
                    node.now = now
                    node.forget_ended()
                    found = await node.exchange()
                    assert found == [("gale", 600.0)] or (now == 30 and node is not third)
            for node in nodes:
                node.now = 1000
                assert await node.exchange() == []
                node.now = 100_000
            await first.exchange()
            assert await connection.fetchval("SELECT count(*) FROM weatherd_silence") == 0
        await connection.close()
