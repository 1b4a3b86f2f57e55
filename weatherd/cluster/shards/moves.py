"""Moves of shards between the database and this node's part of the list."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import structlog

from weatherd.cluster.shards.notes import parse_last_row
from weatherd.cluster.shards.polled_past import PolledPast
from weatherd.cluster.tables import LASTS, RELEASE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from weatherd.cluster.database import ClusterConnection
    from weatherd.cluster.shards.notes import PollNotes
    from weatherd.cluster.shards.part import Part
    from weatherd.pipeline.latest import LatestObservations

    MoveStep = Callable[[frozenset[int], ClusterConnection], Awaitable[None]]

log = structlog.get_logger()

_CITIES_AT_ONCE = 20_000  # of a beat, because taking more could outlast the lease: 20,000 take up to 2 s


class ShardMoves:
    """The moves of shards, and the steps of other parts of the daemon that belong to them."""

    def __init__(self, part: Part, notes: PollNotes, may_poll: Callable[[], bool]) -> None:
        self.part = part
        self.latest: LatestObservations  # attached when the producers can be started
        self.past = PolledPast()
        self.taken: list[MoveStep] = []
        self.given: list[MoveStep] = []
        self.counts: Counter[str] = Counter()  # shards "taken" and "given" since the start
        self._notes = notes
        self.unreleased: set[int] = set()  # whose release failed; the database may still carry it out
        self._may_poll = may_poll
        self._logged = 0  # shards whose start is not logged yet, because more follow
        self._began = 0.0

    async def release(
        self, connection: ClusterConnection, node: int, beat: int, shards: Collection[int], patience: float
    ) -> bool:
        """Release shards after their polls ended and were noted; return whether that was possible.

        *beat* is the number of the node's last beat.

        If a statement fails, it has to be repeated before the shards may be polled again.
        """
        if not await self.part.stop(shards, patience, self._may_poll):
            log.warning("cluster.polls_not_ended", shards=len(shards))
            return False
        await self.hand_over(connection, shards)
        self.unreleased.update(shards)
        await connection.fetch(RELEASE, node, beat, sorted(shards))
        self.unreleased.clear()
        self.counts["given"] += len(shards)
        ids = [city.id for city in self.part.cities_of(shards)]
        self.latest.release(ids)
        log.info("cluster.shards_released", shards=len(shards), cities=len(ids), holds=len(self.part.held))
        return True

    async def hand_over(self, connection: ClusterConnection, shards: Collection[int]) -> None:
        """Write what the next owners of shards continue from, whose polls have ended."""
        await self.write_notes(connection)
        for step in self.given:
            await step(frozenset(shards), connection)

    async def write_notes(self, connection: ClusterConnection) -> None:
        """Write what was polled since the last time, from which a next owner continues."""
        await self._notes.write(connection, self.part.shards, self.latest.get)

    async def take(self, connection: ClusterConnection, shards: Collection[int]) -> bool:
        """Start to poll shards, as many as a beat may take, from where the last owner stopped; return if any."""
        chosen = frozenset(sorted(shards)[: self.limit()])
        if not chosen:
            self._log_taken()
            return False
        if not self._logged:
            self._began = asyncio.get_running_loop().time()
        cities = {city.id: city for city in self.part.cities_of(chosen)}
        lasts = [parse_last_row(row) for row in await connection.fetch(LASTS, sorted(chosen))]
        for last in lasts:
            city = cities.get(last.observation.city)
            if city and (city.lat, city.lon) == (last.lat, last.lon):
                self.latest.adopt(last)
        self.past.record(chosen, cities, lasts)
        for step in self.taken:
            await step(chosen, connection)
        await self.part.start(sorted(chosen), self._may_poll)
        self.counts["taken"] += len(chosen)
        self._logged += len(chosen)
        return True

    def limit(self) -> int:
        """Return the number of shards that a beat may take."""
        return max(1, _CITIES_AT_ONCE * self.part.shards // max(1, self.part.cities_in_list))

    def _log_taken(self) -> None:
        """Log one line for all shards that were taken in beats that followed one another."""
        if self._logged:
            seconds = round(asyncio.get_running_loop().time() - self._began, 3)
            held = self.part.held
            log.info(
                "cluster.shards_claimed",
                shards=self._logged,
                holds=len(held),
                cities=self.part.count_cities(held),
                seconds=seconds,
            )
            self._logged = 0
