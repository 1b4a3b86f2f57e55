"""Metrics of this node's membership in a cluster."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from weatherd.polling.poll_history import BUCKETS
from weatherd.web.cluster.nodes import find_own_shards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weatherd.cluster.member import ClusterMember

_NO_LEASE = -86400.0  # seconds; also for a lease that never began, whose end is infinitely long ago
_DIRECTIONS = frozenset({"taken", "given"})


def collect_cluster_metrics(member: ClusterMember, cities: int) -> Iterator[Metric]:
    """Yield the metrics; *cities* is the number of cities of the whole list."""
    view = member.view()
    lists = {node.list_digest for node in view.nodes if node.list_digest}
    for name, text, value in (
        ("shards", "Shards of the list that this node holds.", len(find_own_shards(view))),
        ("shards_all", "Shards of the list.", view.shard_count),
        ("cities", "Cities of the list, of all nodes.", cities),
        ("nodes", "Nodes of the cluster that this node sees.", len(view.nodes)),
        ("lists", "Different lists of cities that the nodes have.", len(lists)),
        ("lease_seconds", "Time left of this node's lease; below 0 while it polls nothing.", view.lease_left),
        ("database_up", "Whether this node is in contact with the cluster's database.", view.state == "member"),
    ):
        family = GaugeMetricFamily(f"weatherd_cluster_{name}", text)
        family.add_metric([], max(_NO_LEASE, float(value)))
        yield family
    text = "Shards that this node has taken or given."
    moved = CounterMetricFamily("weatherd_cluster_moved_shards", text, labels=["direction"])
    for direction in sorted(_DIRECTIONS):
        moved.add_metric([direction], member.moved_shards.get(direction, 0))
    yield moved
    beats = HistogramMetricFamily(
        "weatherd_cluster_beat_seconds", "Duration of beats, until the database has answered."
    )
    counts = itertools.accumulate(member.beats.counts)
    edges = [*(str(edge) for edge in BUCKETS), "+Inf"]
    beats.add_metric([], list(zip(edges, counts, strict=True)), member.beats.total)
    yield beats
    yield _collect_allotted(member)


def _collect_allotted(member: ClusterMember) -> Metric:
    text = "API calls of the current quota window that were handed out to all nodes."
    family = GaugeMetricFamily("weatherd_quota_allotted", text, labels=["provider", "window"])
    for provider, windows in sorted(member.allotment.allotted().items()):
        for window, (calls, _) in windows.items():
            family.add_metric([provider, window], calls)
    return family
