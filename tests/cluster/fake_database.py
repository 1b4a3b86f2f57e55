"""The database of a cluster as dicts, with the faults of a real one and of the network to it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.cluster.quota_table import QuotaTable
from tests.support.virtual_time import EPOCH
from weatherd.cluster.database import DatabaseError, ExpelledError
from weatherd.cluster.quota.quota_tables import GRANT_CALLS, RETURN_CALLS
from weatherd.cluster.tables import BEAT, CLAIM, COUNT_SHARDS, EXPEL, JOIN, LAST_FIELDS, LASTS, LEAVE, NOTE, RELEASE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

LATENCY = 0.005  # seconds in each direction


class FakeDatabase:
    """The tables, changed by one statement after another. *time_limit* is that of the clients, in seconds."""

    def __init__(self, shards: int, time_limit: float = 3.0) -> None:
        self.time_limit = time_limit
        self.owners: dict[int, int | None] = dict.fromkeys(range(shards))
        self.nodes: dict[int, dict[str, Any]] = {}
        self.lasts: dict[str, dict[str, Any]] = {}
        self.quota = QuotaTable()
        self.statements: list[str] = []
        self.server = 0  # changes at a restart and at a failover
        self.is_up = True
        self._ids = 0
        self._commits: list[tuple[float, Any]] = []  # the state before each change of the last minutes
        self._handlers: dict[str, Callable[..., Any]] = {
            JOIN: self._join, LEAVE: self._leave, COUNT_SHARDS: self._count, BEAT: self._beat, CLAIM: self._claim,
            RELEASE: self._release, EXPEL: self._expel, NOTE: self._note, LASTS: self._find_lasts,
        }  # fmt: skip

    def is_away(self) -> None:
        """Stop the server: connections break."""
        self.is_up = False
        self.server += 1

    def comes_back(self) -> None:
        """Start the server again."""
        self.is_up = True

    def forgets_last(self, seconds: float) -> None:
        """Fail over to a standby that lacks the commits of the last seconds."""
        now = asyncio.get_running_loop().time()
        self.server += 1
        if lost := [state for at, state in self._commits if at > now - seconds]:
            self.owners, self.nodes, self.lasts = lost[0]
        self._commits.clear()

    def forgets_claims(self) -> None:
        """Fail over to a standby that has the nodes, but not the claims."""
        self.server += 1
        self.owners = dict.fromkeys(self.owners)

    async def execute(
        self, statement: str, values: tuple[Any, ...], is_reached: Callable[[], bool], delays: tuple[float, float]
    ) -> list[Any]:
        """Carry a statement out, as soon as it arrives and although the client may have given up, and answer."""
        before, after = delays
        server = self.server
        await asyncio.sleep(LATENCY + before)
        if not (self.is_up and is_reached()):
            await asyncio.sleep(1000)  # packets are dropped: nobody answers
        if server != self.server:
            raise ConnectionResetError
        self.statements.append(statement)
        if statement in {GRANT_CALLS, RETURN_CALLS}:
            rows = list(await self.quota.fetch(statement, *values))
        else:
            self._remember()
            rows = self._handlers[statement](*values)
        await asyncio.sleep(LATENCY + after)
        if not is_reached():
            await asyncio.sleep(1000)
        if server != self.server:
            raise ConnectionResetError
        return rows

    def _remember(self) -> None:
        now = asyncio.get_running_loop().time()
        self._commits = [commit for commit in self._commits if commit[0] > now - 20]
        nodes = {node: dict(row) for node, row in self.nodes.items()}
        self._commits.append((now, (dict(self.owners), nodes, dict(self.lasts))))

    def _join(self, name: str, url: str | None, digest: str) -> list[dict[str, Any]]:
        self._ids += 1  # PostgreSQL's sequences never go back
        joined = EPOCH + timedelta(seconds=self._ids)
        self.nodes[self._ids] = {"id": self._ids, "name": name, "url": url, "list": digest, "beat": 0, "joined": joined}
        return [{"id": self._ids, "joined": joined}]

    def _leave(self, node: int, joined: datetime) -> list[dict[str, Any]]:
        if node in self.nodes and self.nodes[node]["joined"] == joined:
            self._delete(node)
        return []

    def _delete(self, node: int) -> None:
        del self.nodes[node]
        self.owners = {shard: None if owner == node else owner for shard, owner in self.owners.items()}

    def _count(self) -> list[dict[str, Any]]:
        return [{"shards": len(self.owners)}]

    def _beat(self, node: int, digest: str) -> list[dict[str, Any]]:
        if node not in self.nodes:
            return []
        self.nodes[node]["beat"] += 1
        self.nodes[node]["list"] = digest
        shards: dict[int, list[int]] = {each: [] for each in self.nodes}
        for shard, owner in self.owners.items():
            if owner is not None:
                shards[owner].append(shard)
        return [row | {"server": self.server, "shards": shards[each]} for each, row in sorted(self.nodes.items())]

    def _claim(self, node: int, limit: int) -> list[dict[str, Any]]:
        if node not in self.nodes:
            raise ExpelledError("foreign key")
        free = [shard for shard, owner in self.owners.items() if owner is None][:limit]
        self.owners |= dict.fromkeys(free, node)
        return [{"id": shard} for shard in free]

    def _release(self, node: int, beat: int, shards: list[int]) -> list[dict[str, Any]]:
        if node not in self.nodes or self.nodes[node]["beat"] != beat:
            return []
        self.owners |= {shard: None for shard in shards if self.owners[shard] == node}
        return []

    def _expel(self, node: int, beat: int) -> list[dict[str, Any]]:
        if node not in self.nodes or self.nodes[node]["beat"] != beat:
            return []
        self._delete(node)
        return [{"id": node}]

    def _note(self, *columns: list[Any]) -> list[dict[str, Any]]:
        for values in zip(*columns, strict=True):
            row = dict(zip(("city", "shard", "lat", "lon", *LAST_FIELDS), values, strict=True))
            known = self.lasts.get(row["city"])
            if known is None or known["fetched_at"] < row["fetched_at"]:
                self.lasts[row["city"]] = row
        return []

    def _find_lasts(self, shards: list[int]) -> list[dict[str, Any]]:
        return [row for row in self.lasts.values() if row["shard"] in shards]


class FakeLink:
    """A node's way to the database, which can be cut."""

    def __init__(self, database: FakeDatabase) -> None:
        self.is_cut = False
        self.delays: list[tuple[float, float]] = []  # of the next statements
        self._database = database

    def answers_late(self, before: float, after: float) -> None:
        """Delay the next statement: before it is carried out, and its answer."""
        self.delays.append((before, after))

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[FakeLink]:
        """Connect."""
        try:
            async with asyncio.timeout(self._database.time_limit):
                await asyncio.sleep(LATENCY)
                if not self._reaches():
                    await asyncio.sleep(1000)
        except TimeoutError:
            raise DatabaseError("no response in time") from None
        self._server = self._database.server
        yield self

    def _reaches(self) -> bool:
        return self._database.is_up and not self.is_cut

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        """Send a statement, and wait for the answer until the time limit. It may be carried out after that."""
        if self._server != self._database.server:
            raise DatabaseError("connection is closed")
        delays = self.delays.pop(0) if self.delays else (0.0, 0.0)
        work = self._database.execute(statement, values, self._reaches, delays)
        sent = asyncio.get_running_loop().create_task(work, context=contextvars.Context())  # of the server, not a node
        done, _ = await asyncio.wait([sent], timeout=self._database.time_limit)
        if not done:
            sent.add_done_callback(lambda task: task.cancelled() or task.exception())
            raise DatabaseError("no response in time")
        try:
            return sent.result()
        except ConnectionResetError:
            raise DatabaseError("connection is closed") from None
