"""The lines of ``weatherd cluster status``."""

from __future__ import annotations

import pytest

from weatherd.cli.cluster.report import format_cluster
from weatherd.cluster.view import ClusterView, NodeState
from weatherd.web.cluster.description import describe_cluster


@pytest.mark.parametrize(
    ("state", "line"), [("out", "the nodes are not known yet"), ("member", "the cluster has no nodes")]
)
def test_a_node_that_has_not_joined_does_not_deny_the_others(state: NodeState, line: str) -> None:
    """Without contact to the database, the node knows none of them; empty tables are another thing."""
    view = ClusterView(None, (), 0, state, 0.0, None)
    assert next(format_cluster(describe_cluster(view, {}, 10.0, lambda _: None), (), 80)) == line
