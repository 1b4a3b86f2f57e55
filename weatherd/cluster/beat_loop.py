"""The beats of a node: with each it renews its lease, balances its shards, and looks for silent nodes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Never

import structlog

from weatherd.cluster.database import DatabaseError, ExpelledError
from weatherd.cluster.knowledge import ClusterKnowledge
from weatherd.cluster.lease import Lease
from weatherd.cluster.tables import BEAT, CLAIM, COUNT_SHARDS, EXPEL
from weatherd.polling.poll_history import Histogram

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from weatherd.cluster.database import ClusterConnection, ClusterDatabase
    from weatherd.cluster.going_on import SeenNodes
    from weatherd.cluster.registration import NodeStart, Registration
    from weatherd.cluster.shards.moves import ShardMoves
    from weatherd.cluster.view import NodeState

    BeatStep = Callable[[ClusterConnection], Awaitable[None]]

log = structlog.get_logger()

# All times are parts of a lease
_BEAT = 0.1  # between two beats
_QUICK_BEAT = 0.01  # after a beat that moved shards
_SIGHT = 4 * _BEAT  # between two looks at the other nodes; after more, the watch begins again
_RETRIES = (0.025, 0.4)  # after an error: the shortest and the longest delay
_POLL_END = 0.2  # in which polls in progress may end by themselves before a release
_LEAVE = 0.3
_CUT = 3 * _BEAT  # without contact, after which the other nodes are asked


class BeatLoop:
    """The beats of this node. *lease* is in seconds; *boot* is a clock that advances while the machine is suspended."""

    def __init__(
        self,
        database: ClusterDatabase,
        registration: Registration,
        moves: ShardMoves,
        others: SeenNodes,
        *,
        lease: float,
        boot: Callable[[], float],
        spread: random.Random,
    ) -> None:
        self.lease, self.knowledge = Lease(lease), ClusterKnowledge(lease, _SIGHT * lease)
        self.durations = Histogram()  # seconds of each beat
        self.steps: list[BeatStep] = []
        self.leave_steps: list[BeatStep] = []
        self._database, self._registration, self._moves, self._others = database, registration, moves, others
        self._length, self._boot, self._spread = lease, boot, spread
        self._failures = 0  # consecutive errors of the database
        self._down_since = 0.0  # of the first of them
        self.is_cut = False  # without contact since the last answered beat
        self._goes_on = False  # with a lease that was extended since, because all nodes are without contact

    def holds(self) -> bool:
        """Return whether this node may poll now."""
        return self.lease.holds(self._boot())

    def find_state(self) -> NodeState:
        """Return the state of this node."""
        if self._registration.start is None:
            return "out"
        if not self.holds():
            return "paused"
        if self.is_cut:
            return "going_on" if self._goes_on else "cut"
        return "member"

    async def run(self) -> None:
        """Be a member until cancelled; an unavailable database is tried again for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_lease(), name="watch lease")
            tasks.create_task(self._agree_to_go_on(), name="agree to go on")
            while True:
                try:
                    async with self._database.connect() as connection:
                        await self._beat_regularly(connection)
                except ExpelledError:
                    self._end_membership()
                except DatabaseError as error:
                    self._lose_contact(error)
                await asyncio.sleep(self._draw_delay())

    async def _beat_regularly(self, connection: ClusterConnection) -> Never:
        while True:
            delay = await self._beat(connection)
            await asyncio.sleep(delay)

    def _draw_delay(self) -> float:
        """Return the delay until the next connection; partly random, so that not all nodes come back at once."""
        shortest, longest = _RETRIES
        return self._length * min(longest, shortest * 2.0 ** min(self._failures, 10)) * self._spread.uniform(0.5, 1.0)

    async def _beat(self, connection: ClusterConnection) -> float:
        """Beat, then balance the shards; return the seconds until the next beat."""
        start = self._registration.start or await self._join(connection)
        sent = self._boot()
        rows = await connection.fetch(BEAT, start.id, self._moves.part.digest)
        if not rows:
            raise ExpelledError("the row of this node does not exist any more")
        owned = self._accept_beat(rows, start, sent)
        for step in self.steps:
            await step(connection)
        await self._moves.write_notes(connection)
        is_moving = await self._balance(connection, start, owned)
        is_moving |= await self._expel_silent(connection)
        self._log_recovery()
        seconds = self._boot() - sent
        self.durations.add(seconds, 1)
        return self._length * _QUICK_BEAT if is_moving else max(0.0, self._length * _BEAT - seconds)

    async def _join(self, connection: ClusterConnection) -> NodeStart:
        (row,) = await connection.fetch(COUNT_SHARDS)
        await self._moves.part.divide(row["shards"])
        return await self._registration.join(connection, self._moves.part.digest)

    def _accept_beat(self, rows: Sequence[Mapping[str, Any]], start: NodeStart, sent: float) -> set[int]:
        """Renew the lease, and stop to poll lost shards; return the shards that this node may poll."""
        now, held = self._boot(), self._moves.part.held
        if not self.holds():  # while this process was suspended, its polls did not end, and others may have its shards
            self._pause()
        self.is_cut = self._goes_on = False
        self.knowledge.accept(rows, start.id, now)
        self._others.record(rows, start.id, now)
        owned = self.knowledge.owned
        if self.knowledge.is_calm(now):
            owned &= held
        if lost := held - owned:
            log.warning("cluster.shards_lost", shards=len(lost))
            self._moves.part.stop_at_once(lost)
        self.lease.renew(sent)
        return owned

    async def _balance(self, connection: ClusterConnection, start: NodeStart, owned: set[int]) -> bool:
        """Move towards this node's fair share of the shards; return whether shards moved."""
        known, shards = self.knowledge, self._moves.part.shards
        share, patience = known.find_share(shards), self._length * _POLL_END
        if surplus := {*sorted(owned)[share:]} | (owned & self._moves.unreleased):
            return await self._moves.release(connection, start.id, known.own_beat, surplus, patience)
        room = min(share - len(owned), self._moves.limit() - len(owned - self._moves.part.held))
        if room > 0 and known.count_free(shards) > 0 and known.may_claim(self._boot()):
            owned |= {row["id"] for row in await connection.fetch(CLAIM, start.id, room)}
        return await self._moves.take(connection, owned - self._moves.part.held)

    async def _expel_silent(self, connection: ClusterConnection) -> bool:
        """Delete the rows of nodes that have been silent for a lease; return whether that freed shards."""
        is_freed = False
        for row in self.knowledge.find_silent():
            if not await self._others.goes_on(row) and await connection.fetch(EXPEL, row["id"], row["beat"]):
                log.warning("cluster.node_lost", node=row["id"], name=row["name"], shards=len(row["shards"]))
                is_freed = True
        return is_freed

    def _end_membership(self) -> None:
        """Stop everything: the others have taken this node for dead, and its shards."""
        log.error("cluster.expelled", node=self._registration.id)
        self._registration.forget()
        self.knowledge.forget()
        self.lease.end()
        self._moves.part.stop_at_once(set(self._moves.part.held))

    def _lose_contact(self, error: DatabaseError) -> None:
        if not self._failures:
            self._down_since = self._boot()
            log.error("cluster.database_down", reason=str(error))
        self._failures += 1
        self.is_cut = True
        self.knowledge.lose_contact()

    def _log_recovery(self) -> None:
        if self._failures:
            log.info("cluster.database_recovered", seconds=round(self._boot() - self._down_since, 3))
        self._failures = 0

    async def _agree_to_go_on(self) -> None:
        """Extend the lease while no node has contact to the database. Asking takes time, so it is a task of its own."""
        while True:
            await asyncio.sleep(self._length * _BEAT)
            asked = self._boot()
            is_due = self.is_cut and asked - self.knowledge.contact > self._length * _CUT
            if not (is_due and self._registration.start and self.holds()):
                continue
            if await self._others.are_all_without_database() and self.is_cut and self.holds():
                self.lease.renew(asked)
                if not self._goes_on:
                    log.warning("cluster.going_on", cities=self._moves.part.count_cities(self._moves.part.held))
                self._goes_on = True

    async def _watch_lease(self) -> None:
        """Stop all polls when the lease is over, also those in progress."""
        while True:
            left = self.lease.seconds_left(self._boot())
            await asyncio.sleep(left if left > 0 else self._length * _BEAT)
            if not self.holds():
                self._pause()

    def _pause(self) -> None:
        if held := set(self._moves.part.held):
            log.error("cluster.paused", cities=self._moves.part.count_cities(held))
            self._moves.part.stop_at_once(held)

    async def leave(self) -> None:
        """Hand over all shards, whose polls have ended, and delete this node's row: others continue at once."""
        if not self._registration.start:
            return
        node, others = self._registration.id, len(self.knowledge.rows) - 1
        try:
            async with asyncio.timeout(self._length * _LEAVE), self._database.connect() as connection:
                await self._moves.hand_over(connection, self._moves.part.held)
                for step in self.leave_steps:
                    await step(connection)
                await self._registration.leave(connection)
        except (DatabaseError, ExpelledError, TimeoutError) as error:
            log.warning("cluster.not_left", reason=str(error) or "no response in time")
        else:
            log.info("cluster.left", node=node, nodes=others)
