"""No shard is ever polled by two nodes, whatever happens to nodes, network and database."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.cluster.world import CITIES, LEASE, SHARDS, World
from weatherd.cluster.lease import shard_of

if TYPE_CHECKING:
    from tests.cluster.world import Node

ALL = Counter({shard_of(city.id, SHARDS) for city in CITIES})
SPEEDS = st.floats(0.97, 1.03)  # of the clocks
_index = st.integers(0, 4)


class Cluster(RuleBasedStateMachine):
    """Random faults; afterwards, when all is repaired, each city has to be polled by one node."""

    has_http = False

    def __init__(self) -> None:
        super().__init__()
        self.world = World(has_http=self.has_http)

    @initialize(speeds=st.lists(SPEEDS, min_size=2, max_size=4))
    def start(self, speeds: list[float]) -> None:
        """Start some nodes."""
        for speed in speeds:
            self.world.add(speed)
        self.world.passes(5)

    def choose(self, index: int) -> Node:
        """Return a node that was started at some time."""
        return self.world.nodes[index % len(self.world.nodes)]

    @rule(seconds=st.floats(0.2, 15))
    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.world.passes(seconds)

    @rule(index=_index)
    def cut(self, index: int) -> None:
        """Cut a node off from the database, or reconnect it."""
        link = self.choose(index).link
        link.is_cut = not link.is_cut

    @rule(index=_index)
    def stop(self, index: int) -> None:
        """Stop a node's process, or let it continue."""
        runs = self.choose(index).runs
        self.world.do(runs.clear if runs.is_set() else runs.set)

    @rule(index=_index)
    def kill(self, index: int) -> None:
        """Kill a node's process, or start it again on the same state folder."""
        node = self.choose(index)
        if node.task:
            self.world.do(node.is_killed)
        elif not self.has_http:
            self.world.do(node.starts_again)

    @precondition(lambda self: len(self.world.nodes) < 5 and not self.has_http)
    @rule(speed=SPEEDS)
    def join(self, speed: float) -> None:
        """Start another node."""
        self.world.add(speed)

    @rule(first=_index, second=_index)
    def separate(self, first: int, second: int) -> None:
        """Cut two nodes off from each other, or reconnect them."""
        self.world.peer_cuts ^= {frozenset((self.choose(first).url, self.choose(second).url))}

    @rule()
    def outage(self) -> None:
        """Stop the database, or start it again."""
        database = self.world.database
        database.comes_back() if database.is_up else database.is_away()

    @rule(seconds=st.floats(0, 3))
    def failover(self, seconds: float) -> None:
        """Fail over to a standby that lost the last commits."""
        self.world.do(lambda: self.world.database.forgets_last(seconds))

    @rule(index=_index, before=st.floats(0, 6), after=st.floats(0, 6))
    def late(self, index: int, before: float, after: float) -> None:
        """Delay a node's next statement or its answer, perhaps beyond the time limit."""
        self.choose(index).link.answers_late(before, after)

    @invariant()
    def polled_once(self) -> None:
        """No shard was polled by two nodes."""
        assert self.world.doubles == []

    def teardown(self) -> None:
        """Repair everything: within a few leases each city is polled, by one node."""
        try:
            self.world.database.comes_back()
            self.world.peer_cuts.clear()
            for node in self.world.nodes:
                node.link.is_cut = False
                node.link.delays.clear()
                self.world.do(node.runs.set)
            if not any(node.task for node in self.world.nodes):
                self.world.do(self.world.nodes[0].starts_again)
            self.world.passes(6 * LEASE)
            self.polled_once()
            assert self.world.polled() == ALL
        finally:
            self.world.ends()


class GoingOnCluster(Cluster):
    """Nodes that go on without the database. None is new: the others would not know whom to ask."""

    has_http = True


TestCluster = Cluster.TestCase
TestGoingOnCluster = GoingOnCluster.TestCase
_PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]  # to explain a failure takes ten times as long
TestCluster.settings = TestGoingOnCluster.settings = settings(
    max_examples=30, stateful_step_count=15, deadline=None, phases=_PHASES
)
