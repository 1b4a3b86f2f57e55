"""The rules by which nodes share the shards of the list. Pure: times are seconds of the node's own boot clock.

No decision uses a wall clock or the clock of the database. A node polls until a lease after it *sent* its last answered
beat. The others take its shards when they have seen no new beat of it for a whole lease. A beat is seen after it was
sent, so their lease ends later; the clocks only have to run at the same speed, to within the margin of 10 %. Kubernetes
elects leaders by the same rule: https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_USABLE = 0.9  # of a lease; the rest is for clocks that run at different speeds


class Lease:
    """The time until which a node may poll."""

    def __init__(self, length: float) -> None:
        self._length = length
        self._until = -math.inf

    def renew(self, sent: float) -> None:
        """Extend the lease: a beat that was sent at this time has been answered."""
        self._until = max(self._until, sent + self._length * _USABLE)

    def end(self) -> None:
        """End the lease at once: others may have taken the shards."""
        self._until = -math.inf

    def holds(self, now: float) -> bool:
        """Return whether the node may poll."""
        return now < self._until

    def seconds_left(self, now: float) -> float:
        """Return the seconds until the end; negative after it, and minus infinity without a lease."""
        return self._until - now


class Sight:
    """What a node has seen of the other nodes: the last beat of each, and since when it has not changed."""

    def __init__(self, lease: float, patience: float) -> None:
        self._lease = lease
        self._patience = patience  # seconds; after a longer time without a look, the watch begins again
        self._seen: dict[int, tuple[int, float]] = {}  # beat and the time at which it was new, by node
        self._looked_at = -math.inf

    def find_silent(self, beats: Mapping[int, int], now: float) -> list[int]:
        """Record the current beats of the other nodes; return those that have not beaten for a whole lease.

        During that time the database must have been reachable: a node that could see nobody cannot conclude that the
        others are dead. Example: after an outage of the database that is longer than a lease, all nodes come back, and
        none is taken for dead.
        """
        if now - self._looked_at > self._patience:
            self._seen.clear()
        self._looked_at = now
        self._seen = {
            node: before if (before := self._seen.get(node)) and before[0] == beat else (beat, now)
            for node, beat in beats.items()
        }
        return [node for node, (_, since) in self._seen.items() if now - since >= self._lease]

    def seen_ago(self, node: int, now: float) -> float:
        """Return the seconds since a node's last beat was new to this one; 0 for a node that was not seen yet."""
        return now - self._seen[node][1] if node in self._seen else 0.0

    def restart(self) -> None:
        """Begin the watch again, because the database could not be reached, or may have forgotten beats."""
        self._seen.clear()


def fair_share(shards: int, nodes: int, rank: int) -> int:
    """Return how many of the shards a node should hold. *rank* is its place among the nodes, from 0.

    The first nodes get one more if the shards cannot be divided equally. Rounding up for all would leave the last of
    100 nodes without any of 1,024 shards.
    """
    return shards // nodes + (rank < shards % nodes)


def shard_of(city_id: str, shards: int) -> int:
    """Return the shard of a city: a hash of its id, the same on every machine and independent of the city's phase."""
    digest = hashlib.blake2b(city_id.encode(), digest_size=8, person=b"shard").digest()
    return int.from_bytes(digest) % shards
