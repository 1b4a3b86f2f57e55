"""The nodes of a cluster as a table, and a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.cli.screen import wrap_text
from weatherd.cli.table import Column, format_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.text import Text

    from weatherd.web.cluster.models import ClusterModel, NodeModel

_SILENCE = 0.3  # of a lease without a sign of life, after which a node counts as silent
_DIGEST = 6  # characters
_STATES = {
    "out": "not joined yet",
    "member": "reachable",
    "cut": "not reachable",
    "going_on": "not reachable from any node",
    "paused": "not reachable; this node polls nothing",
}


def format_cluster(cluster: ClusterModel, quotas: Sequence[str], width: int | None) -> Iterator[str | Text]:
    """Yield the lines: a table of the nodes, a summary with *quotas*, then what is wrong."""
    nodes = cluster.nodes
    if nodes:
        yield from format_table(
            [
                Column("node", [node.name for node in nodes], min_width=8),
                Column("shards", [f"{node.shards:,}" for node in nodes], is_number=True),
                Column(
                    "cities", ["–" if node.cities is None else f"{node.cities:,}" for node in nodes], is_number=True
                ),
                Column("seen", [f"{node.seen_ago:.1f} s" for node in nodes], rank=1, is_number=True),
                Column("list", [node.list_digest[:_DIGEST] or "–" for node in nodes], rank=2),
                Column("address", [_describe_node(node, cluster) for node in nodes], min_width=20),
            ],
            width,
        )
    else:
        yield "the nodes are not known yet" if cluster.state == "out" else "the cluster has no nodes"
    yield from wrap_text(". ".join([_describe_shards(cluster), _describe_database(cluster), *quotas]), width, indent=0)
    for problem in cluster.problems:
        yield from wrap_text(problem, width, indent=2)


def _describe_node(node: NodeModel, cluster: ClusterModel) -> str:
    address = node.url or "no address"
    if cluster.state == "member" and node.seen_ago > _SILENCE * cluster.lease and not node.is_this:
        return f"{address}  silent: its shards are taken over in {max(0.0, cluster.lease - node.seen_ago):.0f} s"
    if node.problem:
        return f"{address}  does not answer: {node.problem}"
    return f"{address}  this one" if node.is_this else address


def _describe_shards(cluster: ClusterModel) -> str:
    if not cluster.shards:
        return "no shards yet"
    missing = cluster.shards - cluster.held
    return f"{cluster.shards:,} shards: {f'{missing:,} held by no node' if missing else 'all held'}"


def _describe_database(cluster: ClusterModel) -> str:
    ago = "" if cluster.database_seen_ago is None else f", {cluster.database_seen_ago:.1f} s ago"
    return f"database: {_STATES[cluster.state]}{ago}"
