"""The rules by which nodes share the shards, as properties of pure functions."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from weatherd.cluster.lease import Lease, Sight, fair_share, shard_of
from weatherd.cluster.view import ClusterView, NodeRow

LENGTH = 10.0
_times = st.floats(0, 100)


@given(st.lists(st.tuples(_times, st.floats(0, 20)), max_size=20), st.floats(0, 200))
def test_a_lease_ends_before_it_is_over_for_others(beats: list[tuple[float, float]], now: float) -> None:
    """A node may poll until 0.9 leases after it sent its latest answered beat, however late the answer came."""
    lease = Lease(LENGTH)
    for sent, _answered_after in beats:
        lease.renew(sent)
    latest = max((sent for sent, _ in beats), default=-1000.0)
    assert lease.holds(now) == (now < latest + 0.9 * LENGTH)
    lease.end()
    assert not lease.holds(now)


@given(st.integers(1, 2000), st.integers(1, 300))
def test_fair_shares_are_equal_and_complete(shards: int, nodes: int) -> None:
    """The shares add up to all shards, differ by one at most, and are larger for the first nodes."""
    shares = [fair_share(shards, nodes, rank) for rank in range(nodes)]
    assert sum(shares) == shards
    assert shares == sorted(shares, reverse=True)
    assert shares[0] - shares[-1] <= 1


@given(st.data())
def test_a_node_is_silent_after_a_whole_lease_without_a_beat(data: st.DataObject) -> None:
    """It is found silent only if its beat did not change for a lease during which the looks were close together."""
    sight = Sight(LENGTH, patience=4.0)
    now, beat, unchanged_since, looked = 0.0, 0, 0.0, -1000.0
    for _ in range(data.draw(st.integers(1, 40))):
        now += data.draw(st.floats(0.1, 6.0))
        beat += (has_beaten := data.draw(st.booleans()))
        if has_beaten or now - looked > 4.0:
            unchanged_since = now
        looked = now
        assert sight.find_silent({7: beat}, now) == ([7] if now - unchanged_since >= LENGTH else [])
        assert sight.seen_ago(7, now) == now - unchanged_since


def test_the_watch_begins_again_after_an_outage() -> None:
    """After a restart of the watch, each node has a whole lease to beat."""
    sight = Sight(LENGTH, patience=4.0)
    for now in range(10):
        assert sight.find_silent({7: 1}, float(now)) == []
    sight.restart()
    for now in range(10, 20):
        assert sight.find_silent({7: 1}, float(now)) == []
    assert sight.find_silent({7: 1}, 20.0) == [7]


def test_the_cities_are_spread_over_the_shards() -> None:
    """The shard depends on the id alone; 100,000 cities are spread evenly, and a shard is not a part of the phases."""
    counts = Counter(shard_of(f"city-{number}", 1024) for number in range(100_000))
    assert len(counts) == 1024
    assert max(counts.values()) < 2 * min(counts.values())
    assert shard_of("kiel", 1024) == 480


def test_a_view_names_the_owner_of_a_city() -> None:
    """The owner is the node with the city's shard; before the first contact and for a free shard there is none."""
    shard = shard_of("kiel", 8)
    mine = NodeRow(1, "north", None, "", (shard,), 0.0)
    other = NodeRow(2, "south", None, "", tuple({*range(8)} - {shard}), 0.0)
    view = ClusterView(1, (mine, other), 8, "member", 9.0, 0.0)
    assert (view.owner_of("kiel"), view.owns("kiel")) == (mine, True)
    assert ClusterView(2, (mine, other), 8, "member", 9.0, 0.0).owns("kiel") is False
    assert ClusterView(2, (other,), 8, "member", 9.0, 0.0).owner_of("kiel") is None
    assert ClusterView(None, (), 0, "out", -1.0, None).owner_of("kiel") is None
