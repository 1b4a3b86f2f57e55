"""The cluster as the node that answers sees it: its nodes, and what is wrong, as sentences. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from weatherd.formatting import format_count
from weatherd.web.cluster.models import ClusterModel, NodeModel

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from weatherd.cluster.view import ClusterView


def describe_cluster(
    view: ClusterView,
    problems: Mapping[int, str],
    lease: float,
    count_cities: Callable[[Collection[int]], int | None],
) -> ClusterModel:
    """Return the nodes of a view; *problems* has why a node does not answer, by its id. *lease* is in seconds."""
    nodes = [
        NodeModel(
            id=node.id,
            name=node.name,
            url=node.url,
            is_this=node.id == view.own_id,
            shards=len(node.shards),
            cities=count_cities(node.shards),
            seen_ago=round(max(node.seen_ago, view.database_seen_ago or 0.0), 1),
            list_digest=node.list_digest,
            problem=problems.get(node.id),
        )
        for node in view.nodes
    ]
    ago = view.database_seen_ago
    cluster = ClusterModel(
        state=view.state,
        lease_left=round(view.lease_left, 1) if math.isfinite(view.lease_left) else None,
        database_seen_ago=None if ago is None else round(ago, 1),
        lease=lease,
        shards=view.shard_count,
        held=sum(len(node.shards) for node in view.nodes),
        nodes=nodes,
    )
    return cluster.model_copy(update={"problems": list(find_problems(cluster))})


def find_problems(cluster: ClusterModel) -> Iterator[str]:
    """Yield a sentence for each problem of the node that answers, of the others, and of the list."""
    yield from _describe_state(cluster)
    for node in cluster.nodes:
        if node.problem:
            count = "cities" if node.cities is None else format_count(node.cities, "city", "cities")
            yield f"node {node.name} does not answer, so its {count} cannot be shown: {node.problem}"
    if cluster.held < cluster.shards and cluster.state == "member":
        yield f"{cluster.shards - cluster.held:,} of {cluster.shards:,} shards of the list are held by no node"
    if len({node.list_digest for node in cluster.nodes if node.list_digest}) > 1:
        yield f"the nodes have different lists of cities: {_group_names(cluster.nodes)}"


def _describe_state(cluster: ClusterModel) -> Iterator[str]:
    ago = "" if cluster.database_seen_ago is None else f" for {cluster.database_seen_ago:.0f} s"
    match cluster.state:
        case "out":
            yield "this node has not joined the cluster yet, and polls nothing"
        case "cut":
            left = max(0.0, cluster.lease_left or 0.0)
            yield f"this node has not reached the cluster's database{ago}; without it, it pauses in {left:.0f} s"
        case "going_on":
            yield f"no node has reached the cluster's database{ago}; all of them go on with the cities that they had"
        case "paused":
            yield f"this node polls nothing, because it has not reached the cluster's database{ago}"
        case "member":
            pass


def _group_names(nodes: Sequence[NodeModel]) -> str:
    names: dict[str, list[str]] = {}
    for node in nodes:
        if node.list_digest:
            names.setdefault(node.list_digest, []).append(node.name)
    return "; ".join(f"{digest[:6]} on {', '.join(group)}" for digest, group in names.items())
