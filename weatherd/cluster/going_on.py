"""Polling without the database, while it is away for every node.

A node without contact cannot know whether the others have the database and take its shards when its lease is over. So
it asks them: as long as every node that it has seen in the last hour answers that it is without contact, too, nobody
can take anything, and the lease is extended. Two more rules make that safe: a node that comes back watches the others
for a whole lease before it expels one, and a node that answers that it goes on is not expelled.

One case remains: a network that cuts off all known nodes, with a node that none of them has seen yet on the side of the
database. Then cities are polled twice until the network is repaired; calls per hour and longer never exceed the plan.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.cluster.peers import PeerState

_MEMORY = 3600.0  # seconds


class AskedPeers(Protocol):
    """The HTTP interfaces of the other nodes."""

    async def ask_state(self, url: str) -> PeerState | None:
        """Return a node's state; None if it does not answer in a second."""


class SeenNodes:
    """The other nodes seen in the last hour, by the address of their HTTP interface. *own_url* is this node's."""

    def __init__(self, peers: AskedPeers, own_url: str | None) -> None:
        self._peers = peers
        self._own_url = own_url
        self._seen: dict[str, tuple[int, float]] = {}  # id, and boot time
        self._can_ask_all = False

    def record(self, rows: Sequence[Mapping[str, Any]], own_id: int, now: float) -> None:
        """Record the rows of all nodes at an answered beat."""
        others = [row for row in rows if row["id"] != own_id]
        self._can_ask_all = self._own_url is not None and all(row["url"] not in {None, self._own_url} for row in others)
        self._seen = {url: seen for url, seen in self._seen.items() if now - seen[1] < _MEMORY}
        self._seen |= {row["url"]: (row["id"], now) for row in others if row["url"]}

    async def are_all_without_database(self) -> bool:
        """Ask all nodes whether they are without contact to the database; one that does not answer may have it.

        A node that knows no other has nobody to ask: one that starts now would be unknown to it.
        An address without a node, or with another one than was seen there, is no answer: several machines may use the
        address of this machine, 127.0.0.1, by mistake. A node that was started again meanwhile has no number yet.
        """
        if not (self._can_ask_all and self._seen):
            return False
        states = await asyncio.gather(*map(self._peers.ask_state, self._seen))
        return all(
            state is not None and not state.database and state.id in {None, node}
            for state, (node, _) in zip(states, self._seen.values(), strict=True)
        )

    async def goes_on(self, row: Mapping[str, Any]) -> bool:
        """Return whether a node answers that it polls without the database."""
        state = await self._peers.ask_state(row["url"]) if row["url"] not in {None, self._own_url} else None
        return state is not None and state.going_on and state.id == row["id"]
