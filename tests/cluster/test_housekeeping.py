"""Old rows of the cluster's tables are deleted once a day, by one node."""

from __future__ import annotations

from typing import Any

from tests.support.virtual_time import now
from weatherd.cluster.housekeeping import Housekeeping
from weatherd.cluster.quota.allotment import Allotment
from weatherd.cluster.view import ClusterView, NodeRow

HOUR = 3600.0


class Connection:
    """A connection that counts its statements."""

    statements = 0

    async def fetch(self, _statement: str, *_values: Any) -> list[Any]:
        """Execute a statement."""
        self.statements += 1
        return []


async def count_deletions(own_id: int, hours: int) -> int:
    """Return how many statements a node sends in some hours, in a cluster of the nodes 3 and 5."""
    connection, seconds = Connection(), 0.0
    nodes = tuple(NodeRow(node, "", None, "", (), 0.0) for node in (3, 5))
    view = ClusterView(own_id, nodes, 8, "member", 9.0, 0.0)
    care = Housekeeping(Allotment(600.0, now), lambda: view, lambda: seconds)
    while seconds < hours * HOUR:
        await care.run(connection)
        seconds += 10.0
    return connection.statements


async def test_the_first_node_deletes_old_rows_once_a_day() -> None:
    """That is for the first time soon after its start, but not at once."""
    assert await count_deletions(3, 1) == 2
    assert await count_deletions(3, 24) == 2
    assert await count_deletions(3, 50) == 6
    assert await count_deletions(5, 50) == 0
