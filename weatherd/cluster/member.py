"""This node in the cluster, as the rest of the daemon sees it."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING

from weatherd.cluster.beat_loop import BeatLoop
from weatherd.cluster.going_on import SeenNodes
from weatherd.cluster.shards.moves import ShardMoves
from weatherd.cluster.shards.notes import NotedQueue, PollNotes
from weatherd.cluster.view import ClusterView

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Collection, Mapping

    from weatherd.city import City
    from weatherd.cluster.beat_loop import BeatStep
    from weatherd.cluster.database import ClusterDatabase
    from weatherd.cluster.peers import Peers
    from weatherd.cluster.quota.allotment import Allotment
    from weatherd.cluster.registration import Registration
    from weatherd.cluster.shards.moves import MoveStep
    from weatherd.cluster.shards.part import Part
    from weatherd.config.diff import CityListDiff
    from weatherd.pipeline.latest import LatestObservations
    from weatherd.polling.poll_history import Histogram, PollHistory
    from weatherd.polling.supervisor import Supervisor


class ClusterMember:
    """This node in the cluster. :meth:`holds` is asked directly before each request to a weather service.

    *lease* is in seconds; *boot* is a clock that advances while the machine is suspended.
    """

    def __init__(
        self,
        database: ClusterDatabase,
        part: Part,
        registration: Registration,
        peers: Peers,
        allotment: Allotment,
        *,
        lease: float,
        boot: Callable[[], float],
        spread: random.Random,
    ) -> None:
        self.name = registration.name
        self.part, self.peers, self.allotment = part, peers, allotment
        self.lease = lease
        self._shown: tuple[City, ...] | None = None  # while this node is paused
        self._notes, self._registration, self._boot = PollNotes(), registration, boot
        self._moves = ShardMoves(part, self._notes, self.holds)
        others = SeenNodes(peers, registration.url)
        self._loop = BeatLoop(database, registration, self._moves, others, lease=lease, boot=boot, spread=spread)

    def attach(self, supervisor: Supervisor, history: PollHistory, latest: LatestObservations) -> None:
        """Set the parts of the daemon that poll. Call it before :meth:`run`."""
        self.part.attach(supervisor, history)
        self._moves.latest = latest

    def create_queue(self, size: int) -> NotedQueue:
        """Create the queue of the producers, in which each observation is noted for the next owner of its city."""
        return NotedQueue(size, self._notes)

    def holds(self) -> bool:
        """Return whether this node may send requests to weather services now."""
        return self._loop.holds()

    def owns(self, city_id: str) -> bool:
        """Return whether this node polls a city."""
        return self.part.owns(city_id)

    def cities(self) -> tuple[City, ...]:
        """Return the cities that this node polls, sorted by id; the same tuple until they change."""
        return self.part.cities()

    def shown_cities(self) -> tuple[City, ...]:
        """Return the cities that this node polls, or polled before it paused; the same tuple until they change.

        The last observations of a paused node are what is known, as long as nobody else has taken its shards.
        """
        polled = self.cities()
        if polled or self._loop.find_state() != "paused":
            self._shown = None
            return polled
        if self._shown is None:
            rows, own = self._loop.knowledge.rows, self._registration.id
            shards = next((row["shards"] for row in rows if row["id"] == own), ())
            self._shown = tuple(sorted(self.cities_of(shards), key=operator.attrgetter("id")))
        return self._shown

    def apply_diff(self, diff: CityListDiff) -> None:
        """Apply an edit of the list."""
        self._shown = None
        self._moves.past.add_new(diff.added | diff.moved)
        self.part.apply_diff(diff)

    def polled_until(self, city_id: str) -> float:
        """Return the POSIX time until which another node, or this one before, polled a city; minus infinity if never.

        Its observations up to then are in the journal of that node.
        """
        return self._moves.past.polled_until(city_id, self.part.shards) if self.part.shards else -math.inf

    def cities_of(self, shards: Collection[int]) -> list[City]:
        """Return the cities of shards, also of those that other nodes poll."""
        return self.part.cities_of(shards)

    def count_cities(self, shards: Collection[int]) -> int:
        """Return the number of cities of shards, also of those that other nodes poll."""
        return self.part.count_cities(shards)

    @property
    def beats(self) -> Histogram:
        """The seconds of each beat."""
        return self._loop.durations

    @property
    def moved_shards(self) -> Mapping[str, int]:
        """The shards ``taken`` and ``given`` since the start."""
        return self._moves.counts

    def subscribe_beats(self, step: BeatStep, leave: BeatStep | None = None) -> None:
        """Call *step* after each answered beat, before shards move, and *leave* when this node leaves.

        Both get the connection. An error of the database in them ends the beat, as in any other statement.
        """
        self._loop.steps.append(step)
        if leave:
            self._loop.leave_steps.append(leave)

    def subscribe_moves(self, taken: MoveStep, given: MoveStep) -> None:
        """Call *taken* before the polls of new shards start, and *given* after those of released ones have ended.

        Both get the shards and the connection. The latest observations of the new shards' cities are known then.
        *given* is called before the release, also when this node leaves, but not for shards that were lost: others may
        have them already. If shards come back after a loss or a pause, *taken* is called again.
        """
        self._moves.taken.append(taken)
        self._moves.given.append(given)

    def view(self) -> ClusterView:
        """Return what this node knows of the cluster."""
        now, known = self._boot(), self._loop.knowledge
        return ClusterView(
            self._registration.id,
            known.list_nodes(now),
            self.part.shards,
            self._loop.find_state(),
            self._loop.lease.seconds_left(now),
            now - known.contact if known.contact > -math.inf else None,
            self._loop.is_cut,
        )

    async def run(self) -> None:
        """Be a member until cancelled; an unavailable database is tried again for ever."""
        await self._loop.run()

    async def leave(self) -> None:
        """Hand over all shards, whose polls have ended, and delete this node's row: others continue at once."""
        await self._loop.leave()
