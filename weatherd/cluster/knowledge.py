"""What a node has learned from its beats about the other nodes and the shards. No I/O."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import structlog

from weatherd.cluster.lease import Sight, fair_share
from weatherd.cluster.list_check import ListCheck
from weatherd.cluster.view import NodeRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

log = structlog.get_logger()


class ClusterKnowledge:
    """The nodes and their shards at the last answered beat. Times are boot times; *lease* is in seconds.

    *patience* is the longest time between two beats after which the other nodes count as watched without a break.
    """

    def __init__(self, lease: float, patience: float) -> None:
        self._lease = lease
        self._sight = Sight(lease, patience)
        self._list_check = ListCheck()
        self._own: Mapping[str, Any] = {}
        self._server: object = None  # the start of the database server
        self._calm_until = -math.inf
        self._unheard: Mapping[int, int] = {}  # the beats of the other nodes when this one joined
        self.rows: Sequence[Mapping[str, Any]] = ()  # of all nodes, by id; empty: this node is no member
        self.contact = -math.inf  # when the last answered beat was answered

    def accept(self, rows: Sequence[Mapping[str, Any]], own_id: int, now: float) -> None:
        """Record the rows of all nodes, which the answer to a beat has at this time.

        If the database was restarted, or another server took over, it may have forgotten its last moments. That shows
        in the start of the server, or in a number of the own beat that is not higher than the last one.
        """
        own = next(row for row in rows if row["id"] == own_id)
        if not self.rows:
            log.info("cluster.joined", node=own_id, nodes=len(rows))
            self._unheard = {row["id"]: row["beat"] for row in rows if row["id"] != own_id}
        if self._server is not None and (own["server"] != self._server or own["beat"] <= self.own_beat):
            log.warning("cluster.database_changed")
            self._calm_until = now + self._lease
            self._sight.restart()
        self.rows, self._own, self._server, self.contact = rows, own, own["server"], now
        self._list_check.check({f"{row['name']} ({row['id']})": row["list"] for row in rows}, now)

    def is_calm(self, now: float) -> bool:
        """Return whether the database may have forgotten who owns what, less than a lease ago.

        Then nobody is expelled, nothing is claimed, and nothing is polled that was not polled before.
        """
        return now < self._calm_until

    def may_claim(self, now: float) -> bool:
        """Return whether free shards may be claimed.

        A node that has just joined cannot know whether the database has forgotten a claim a moment ago. So it waits
        until each of the other nodes has beaten, and so learned what it has lost, or is gone.
        """
        is_heard = all(row["beat"] != self._unheard.get(row["id"]) for row in self.rows)
        return is_heard and not self.is_calm(now)

    def lose_contact(self) -> None:
        """Begin the watch of the other nodes again: they cannot be seen now."""
        self._sight.restart()

    def forget(self) -> None:
        """Forget everything but the database server: this node is no member any more."""
        self.rows, self._own = (), {}

    @property
    def owned(self) -> set[int]:
        """The shards of this node."""
        return set(self._own["shards"])

    @property
    def own_beat(self) -> int:
        """The number of this node's last beat; -1 before the first."""
        return int(self._own.get("beat", -1))

    def count_free(self, shards: int) -> int:
        """Return how many of all *shards* have no owner."""
        return shards - sum(len(row["shards"]) for row in self.rows)

    def find_share(self, shards: int) -> int:
        """Return how many of all *shards* this node should hold."""
        return fair_share(shards, len(self.rows), [row["id"] for row in self.rows].index(self._own["id"]))

    def find_silent(self) -> list[Mapping[str, Any]]:
        """Return the rows of the other nodes that have been silent for a lease."""
        beats = {row["id"]: row["beat"] for row in self.rows if row["id"] != self._own["id"]}
        silent = self._sight.find_silent(beats, self.contact)
        return [row for row in self.rows if row["id"] in silent]

    def list_nodes(self, now: float) -> tuple[NodeRow, ...]:
        """Return all nodes for readers."""
        return tuple(
            NodeRow(
                row["id"],
                row["name"],
                row["url"],
                row["list"] or "",
                tuple(row["shards"]),
                now - self.contact if row is self._own else self._sight.seen_ago(row["id"], now),
            )
            for row in self.rows
        )
