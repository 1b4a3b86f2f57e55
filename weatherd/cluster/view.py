"""What a node knows of the cluster, as frozen values for readers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from weatherd.cluster.lease import shard_of

# out: not joined yet; member: in contact with the database; cut: without contact, but its lease holds; going_on:
# without contact, as all other nodes are; paused: its lease is over, and it polls nothing
NodeState = Literal["out", "member", "cut", "going_on", "paused"]


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node, as the database showed it last."""

    id: int
    name: str
    url: str | None  # of its HTTP interface; None: it has none that others can reach
    list_digest: str  # of the list that it polls
    shards: tuple[int, ...]  # that it owns
    seen_ago: float  # seconds since this node saw a new beat of it


@dataclass(frozen=True)
class ClusterView:
    """The cluster, as one node sees it."""

    own_id: int | None  # None: it has not joined
    nodes: tuple[NodeRow, ...]  # by id, with this node
    shard_count: int  # 0 before the first contact with the database
    state: NodeState
    lease_left: float  # seconds; negative after its end
    database_seen_ago: float | None  # seconds since the database answered; None: it has not yet
    is_cut: bool = False  # without contact; when it is back, this node first watches the others for a lease

    @cached_property
    def _owners(self) -> dict[int, NodeRow]:
        return {shard: node for node in self.nodes for shard in node.shards}

    def owner_of(self, city_id: str) -> NodeRow | None:
        """Return the node that polls a city; None if no node does, or that is not known."""
        return self._owners.get(shard_of(city_id, self.shard_count)) if self.shard_count else None

    def owns(self, city_id: str) -> bool:
        """Return whether this node polls a city."""
        owner = self.owner_of(city_id)
        return owner is not None and owner.id == self.own_id
