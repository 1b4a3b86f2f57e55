"""The state of a cluster from its tables, without a daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.cluster.database import PostgresCluster
from weatherd.cluster.tables import COUNT_SHARDS
from weatherd.cluster.view import ClusterView, NodeRow
from weatherd.web.cluster.description import describe_cluster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.config.sections.cluster import ClusterSection
    from weatherd.web.cluster.models import ClusterModel

_TIME_LIMIT = 5.0  # seconds
_NODES = """
SELECT node.id, node.name, node.url, node.list, extract(epoch FROM now() - node.seen)::float8 AS seen_ago,
  ARRAY(SELECT shard.id FROM weatherd_shard AS shard WHERE shard.owner = node.id ORDER BY shard.id) AS shards
FROM weatherd_node AS node ORDER BY node.id
"""
_QUOTAS = """
SELECT DISTINCT ON (provider, win) provider, win, most, allotted FROM weatherd_quota
WHERE win <> 'minute' ORDER BY provider, win, started DESC
"""


async def read_tables(section: ClusterSection) -> tuple[ClusterModel, list[str]]:
    """Return the cluster, and the calls handed out as texts. Raises DatabaseError.

    The time since a node was seen is by the clock of the database.
    """
    dsn = section.dsn.get_secret_value() if section.dsn else ""
    async with PostgresCluster(dsn, _TIME_LIMIT).connect() as connection:
        nodes = tuple(_parse_node(row) for row in await connection.fetch(_NODES))
        (count,) = await connection.fetch(COUNT_SHARDS)
        quotas = await connection.fetch(_QUOTAS)
    view = ClusterView(None, nodes, count["shards"], "member", float("inf"), 0.0)
    texts = [
        f"{row['provider']}: {row['allotted']:,.0f} of {row['most']:,.0f} calls handed out this {row['win']}"
        for row in quotas
    ]
    return describe_cluster(view, {}, section.lease, lambda _: None), texts


def _parse_node(row: Mapping[str, Any]) -> NodeRow:
    return NodeRow(row["id"], row["name"], row["url"], row["list"] or "", tuple(row["shards"]), row["seen_ago"])
