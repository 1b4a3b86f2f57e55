"""The calls of a plan that several nodes share: never more than the plan, whatever happens to the nodes."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cluster.nodes import NOON, Clock, QuotaNode
from tests.cluster.quota_table import QuotaTable
from weatherd.errors import Failure, ProviderError
from weatherd.quota.limiter import RateLimiter
from weatherd.quota.plans import PLANS, UNLIMITED, WINDOW_SECONDS, Plan
from weatherd.quota.windows import CLOCK_TOLERANCE, window_start

FREE = PLANS["open-meteo"]["free"]
SMALL = Plan({"minute": 60, "hour": 200, "day": 500}, rate=0.8, burst=10)
SHARDS = 64

Calls = list[tuple[float, int]]  # times and weights


def count_most(calls: Calls, seconds: float) -> int:
    """Return the most calls within any span of *seconds*."""
    most = total = first = 0
    for time, weight in calls:
        total += weight
        while calls[first][0] <= time - seconds:
            total -= calls[first][1]
            first += 1
        most = max(most, total)
    return most


def assert_within(plan: Plan, calls: Calls, table: QuotaTable) -> None:
    """Assert that no service with a clock that is off by less than the tolerance counts more than the plan allows."""
    for key, allotted in table.allotted.items():
        assert 0 <= allotted <= table.limits[key]
    assert count_most(calls, 60) <= plan.burst + 60 * plan.rate + 1e-6
    for window, limit in plan.limits.items():
        if WINDOW_SECONDS[window] < WINDOW_SECONDS["hour"]:
            continue
        for error in (0.01 - CLOCK_TOLERANCE, 0.0, CLOCK_TOLERANCE - 0.01):
            counts: Counter[float] = Counter()
            for time, weight in calls:
                counts[window_start(window, time + error)] += weight
            assert all(count <= limit for count in counts.values())


class Cluster:
    """Nodes that come, go and take shards from one another at random."""

    def __init__(self, seed: int, plan: Plan) -> None:
        self.draws, self.plan = random.Random(seed), plan
        self.clock, self.table = Clock(NOON - self.draws.choice([0, 4, 30, 3600])), QuotaTable()
        self.nodes: list[QuotaNode] = []
        self.held: dict[int, QuotaNode] = {}  # by shard
        self.calls: Calls = []

    def step(self) -> None:
        """Let one thing happen."""
        draws = self.draws
        happens = draws.choices(
            [self.join, self.end, self.lose, self.move, self.exchange, self.send, self.wait], [1, 0.5, 1, 3, 8, 20, 10]
        )[0]
        if self.nodes or happens in {self.join, self.wait}:
            happens()

    def join(self) -> None:
        """Add a node, of at most five."""
        if len(self.nodes) < 5:
            planned = self.draws.choice([0.05, min(self.plan.rate, 1.0)])
            self.nodes.append(QuotaNode(self.table, self.clock, self.plan, planned))

    def end(self) -> None:
        """Kill a node, or end it."""
        node = self.nodes.pop(self.draws.randrange(len(self.nodes)))
        self.held = {shard: owner for shard, owner in self.held.items() if owner is not node}
        if self.draws.random() < 0.5:
            node.leave()

    def lose(self) -> None:
        """Lose a statement, or its response."""
        self.table.loses_next(carried_out=self.draws.random() < 0.5)

    def move(self) -> None:
        """Move shards."""
        for shard in self.draws.sample(range(SHARDS), self.draws.randint(1, SHARDS)):
            self.held[shard] = self.draws.choice(self.nodes)
        for node in self.nodes:
            held = sum(owner is node for owner in self.held.values())
            node.allotment.set_share(held, SHARDS, len(self.nodes))

    def exchange(self) -> None:
        """Let all nodes beat."""
        for node in self.nodes:
            node.exchange()

    def send(self) -> None:
        """Let a node send what it may."""
        node, weight = self.draws.choice(self.nodes), self.draws.choice([1, 1, 40])
        while sent := node.send(weight):
            self.calls.append((self.clock.seconds, sent))
            if self.draws.random() < 0.05:
                return

    def wait(self) -> None:
        """Move the clock."""
        self.clock.seconds += self.draws.choice([0.01, 1.0, 20.0, 300.0])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([SMALL, FREE, PLANS["openweathermap"]["free"]]))
def test_no_order_of_events_exceeds_a_plan(seed: int, plan: Plan) -> None:
    """With moves, kills, lost responses and leaves, each window and any 60 s stay within the plan."""
    cluster = Cluster(seed, plan)
    for _ in range(400):
        cluster.step()
    assert_within(plan, cluster.calls, cluster.table)


def make_nodes(count: int, plan: Plan, planned_rate: float) -> tuple[list[QuotaNode], QuotaTable, Clock]:
    """Return nodes that hold equal numbers of shards."""
    table, clock = QuotaTable(), Clock()
    nodes = [QuotaNode(table, clock, plan, planned_rate) for _ in range(count)]
    for node in nodes:
        node.allotment.set_share(1, count, count)
    return nodes, table, clock


def run_for(nodes: list[QuotaNode], clock: Clock, seconds: float, rate: float) -> Calls:
    """Let the nodes together want *rate* calls a second, and beat once a second."""
    calls: Calls = []
    due = 0.0
    for _ in range(int(seconds)):
        clock.seconds += 1.0
        due += rate
        for node in nodes:
            node.exchange()
        for number in range(int(due)):
            if nodes[number % len(nodes)].send():
                calls.append((clock.seconds, 1))
                due -= 1
        due = min(due, 20.0)
    return calls


def test_the_whole_plan_is_used_but_for_the_last_blocks() -> None:
    """Three nodes that want more than the hour's limit make nearly all of its calls, and none beyond it."""
    plan = Plan({"minute": 600, "hour": 900}, rate=7.9, burst=100)
    nodes, table, clock = make_nodes(3, plan, 1.0)
    calls = run_for(nodes, clock, 3590, 1.0)
    assert_within(plan, calls, table)
    assert sum(weight for _, weight in calls) >= 890


def test_a_shortage_is_a_wait_and_no_pause() -> None:
    """A request before the first exchange looks again in 0.25 s; after the exchange it is sent."""
    (node,), _, clock = make_nodes(1, SMALL, 0.1)
    clock.seconds += 60
    assert node.meter.bucket.delay(1, clock.seconds) == pytest.approx(0.25)
    node.exchange()
    assert not node.meter.bucket.delay(1, clock.seconds)
    assert node.meter.exhausted_window(1, clock.seconds) is None


def test_a_smaller_block_means_that_the_window_is_used_up() -> None:
    """Only then is the provider paused, for the longest window that is used up."""
    (node,), table, clock = make_nodes(1, SMALL, 0.1)
    clock.seconds += 60
    start = window_start("day", clock.seconds)
    table.allotted["fake", "day", start] = 500.0
    node.exchange()
    assert not node.meter.bucket.delay(1, clock.seconds)  # it does not wait,
    assert node.meter.exhausted_window(1, clock.seconds) == "day"  # but is paused


def test_a_window_that_has_just_begun_is_no_pause() -> None:
    """Between the look at the rate and the request an hour may begin whose calls were not handed out yet."""
    (node,), _, clock = make_nodes(1, SMALL, 0.1)
    clock.seconds += 60
    with pytest.raises(ProviderError) as raised:
        node.meter.exhausted_window(1, clock.seconds)
    assert (raised.value.failure, raised.value.retry_after) == (Failure.PAUSED, 0.25)


def test_calls_are_returned_when_the_part_becomes_smaller() -> None:
    """The first of two nodes had calls for the whole list; half of them go back at its next exchange."""
    (first,), table, clock = make_nodes(1, FREE, 1.0)
    first.exchange()
    day = "fake", "day", window_start("day", clock.seconds)
    assert table.allotted[day] == 601
    first.allotment.set_share(1, 2, 2)
    first.exchange()
    assert table.allotted[day] == 301


def test_a_node_that_leaves_returns_all_calls() -> None:
    """Afterwards only the calls that were made are handed out."""
    (node,), table, clock = make_nodes(1, FREE, 1.0)
    clock.seconds += 60
    node.exchange()
    sent = sum(node.send() for _ in range(20))
    node.leave()
    assert sent == 20
    assert set(table.allotted.values()) == {20.0}


def test_a_killed_node_loses_at_most_the_bridge_of_its_part() -> None:
    """The calls that were handed out and never made are those planned for 10 minutes of a third of the list."""
    nodes, table, clock = make_nodes(3, FREE, 0.3)
    calls = run_for(nodes, clock, 1800, 0.3)
    used = sum(weight for _, weight in calls)
    hour = "fake", "hour", window_start("hour", clock.seconds)
    assert table.allotted[hour] - used <= 3 * (0.1 * 600 + 2)


def test_without_a_need_the_database_is_asked_nothing() -> None:
    """A beat has a statement when a block is half used, and one a minute for the number that all were given."""
    nodes, table, clock = make_nodes(3, FREE, 0.1)
    run_for(nodes, clock, 600, 0.1)
    assert table.statements <= 3 * 15
    before = table.statements
    unused = QuotaNode(table, clock, UNLIMITED, 100.0)
    unused.allotment.set_share(1, 1, 1)
    unused.exchange()
    assert unused.send()
    assert table.statements == before


def test_a_request_that_became_too_heavy_is_refused() -> None:
    """Sent at once by each of many nodes, batches that were made for a larger part would exceed the minute."""
    (node,), _, clock = make_nodes(1, FREE, 1.0)
    clock.seconds += 60
    node.exchange()
    assert node.meter.calls_left(clock.seconds) == 100
    node.allotment.set_share(1, 4, 4)
    with pytest.raises(ProviderError, match="became smaller") as raised:
        node.meter.bucket.delay(100, clock.seconds)
    assert (raised.value.failure, raised.value.retry_after) == (Failure.PAUSED, 0.25)
    assert node.send(100) == 25
    node.allotment.set_share(0, 4, 4)
    assert node.meter.calls_left(clock.seconds) == 1


def test_requests_beside_the_polls_get_calls() -> None:
    """A service without planned polls, of warnings or for comparison, is asked for calls when a request waits."""
    (node,), table, clock = make_nodes(1, FREE, 0.0)
    clock.seconds += 60
    node.exchange()
    assert (node.send(), table.statements) == (0, 0)
    node.exchange()
    assert node.send() == 1


def test_the_spare_calls_of_all_nodes_are_those_of_the_plan() -> None:
    """Handed out or not, what the polls do not need is divided among the nodes."""
    nodes, _, clock = make_nodes(4, Plan({"day": 10_000}), 0.05)
    for node in nodes:
        node.exchange()
    clock.seconds += 61
    for node in nodes:
        node.exchange()  # learns what the others were given
    left = window_start("day", clock.seconds) + 86400 - clock.seconds
    spare = sum(node.meter.spare_calls(clock.seconds) for node in nodes)
    assert spare == pytest.approx(9900 - 0.05 * left, abs=4)


def test_the_usage_is_that_of_all_nodes() -> None:
    """The hour's usage has the calls of other nodes, and not those that this one was given and has not made."""
    nodes, _, clock = make_nodes(2, FREE, 0.1)
    clock.seconds += 60
    for node in nodes:
        node.exchange()
    for _ in range(5):
        assert nodes[1].send()
    assert nodes[1].meter.usage(clock.seconds)["hour"] == (31 + 5, 5000)
    assert nodes[1].allotment.allotted()["fake"]["hour"] == (62, 5000)


async def test_requests_in_flight_are_divided_by_the_nodes() -> None:
    """Open-Meteo refuses more than five at once: each of three nodes sends one of four, as does each of eight."""
    (node,), _, clock = make_nodes(1, FREE, 0.1)
    limiter = RateLimiter(node.meter, 4, clock, lambda: None, lambda: 0.0)
    node.allotment.add_limiter(limiter, FREE)
    sizes = []
    for nodes in (1, 2, 3, 8):
        node.allotment.set_share(1, nodes, nodes)
        sizes.append(limiter._own_concurrency)
    assert sizes == [4, 2, 1, 1]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 60), st.integers(0, 8)), min_size=1, max_size=10), st.integers(1, 40))
def test_a_part_that_grows_begins_empty(moves: list[tuple[float, int]], weight: int) -> None:
    """Two nodes that pass shards to and fro send no more than the plan in any 60 s."""
    (first, second), table, clock = make_nodes(2, SMALL, 0.8)
    calls: Calls = []
    for seconds, held in moves:
        for node, count in ((first, held), (second, 8 - held)):
            node.allotment.set_share(count, 8, 2)
        end = clock.seconds + seconds
        while clock.seconds < end:
            clock.seconds += 1.0
            for node in (first, second):
                node.exchange()
                while sent := node.send(weight):
                    calls.append((clock.seconds, sent))
    assert count_most(calls, 60) <= SMALL.burst + 60 * SMALL.rate + 1e-6
    assert math.fsum(weight for _, weight in calls) <= 200 * (1 + (clock.seconds - NOON) // 3600)
    assert all(allotted <= table.limits[key] for key, allotted in table.allotted.items())
