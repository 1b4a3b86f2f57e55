"""A node's membership in the cluster: it joins, beats, claims and releases shards, and leaves."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from weatherd.cluster.lease import Lease
from weatherd.cluster.view import ClusterView
from weatherd.polling.poll_history import Histogram

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from weatherd.city import City
    from weatherd.config.sections.cluster import ClusterSection


class ClusterConnection(Protocol):
    """A connection to the database that the nodes share."""

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        """Execute a statement in a transaction of its own, with a time limit, and return its rows."""


if TYPE_CHECKING:
    BeatStep = Callable[[ClusterConnection], Awaitable[None]]
    MoveStep = Callable[[frozenset[int], ClusterConnection], Awaitable[None]]


class ClusterMember:
    """This node in the cluster. :meth:`holds` is asked directly before each request to a weather service."""

    def __init__(self, section: ClusterSection, boot: Callable[[], float]) -> None:
        self.section = section
        self.moved_shards: Counter[str] = Counter()  # since the start, "taken" and "given"
        self.beats = Histogram()  # seconds of each beat
        self._boot = boot
        self._lease = Lease(section.lease)
        self._beat_steps: list[BeatStep] = []
        self._leave_steps: list[BeatStep] = []
        self._taken: list[MoveStep] = []
        self._given: list[MoveStep] = []

    def holds(self) -> bool:
        """Return whether this node may send requests to weather services now."""
        return self._lease.holds(self._boot())

    def owns(self, city_id: str) -> bool:
        """Return whether this node polls a city."""
        raise NotImplementedError(city_id)

    def cities(self) -> tuple[City, ...]:
        """Return the cities that this node polls, sorted by id; the same tuple until they change."""
        return ()

    def view(self) -> ClusterView:
        """Return what this node knows of the cluster."""
        return ClusterView(None, (), 0, "out", -math.inf, None)

    def subscribe_beats(self, step: BeatStep, leave: BeatStep) -> None:
        """Call *step* after each answered beat, before shards move, and *leave* when this node leaves.

        Both get the connection. An error of the database in them ends the beat, as in any other statement.
        """
        self._beat_steps.append(step)
        self._leave_steps.append(leave)

    def subscribe_moves(self, taken: MoveStep, given: MoveStep) -> None:
        """Call *taken* before the polls of new shards start, and *given* after those of released ones have ended.

        Both get the shards and the connection. The latest observations of the new shards' cities are known then.
        *given* is called before the release, also when this node leaves, but not for shards that were lost: then
        others may have them already. After such a loss, *taken* is called again if they come back.
        """
        self._taken.append(taken)
        self._given.append(given)
