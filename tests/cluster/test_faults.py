"""What happens to the shards in each failure, on virtual time and with the lease of ten seconds that users have."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.cluster.world import CITIES, LEASE, SHARDS, World
from weatherd.cluster.lease import shard_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = Counter({shard_of(city.id, SHARDS) for city in CITIES})


@pytest.fixture
def world() -> Iterator[World]:
    """Create a world whose nodes have no HTTP interface; no shard was polled by two nodes at the end of the test."""
    yield from create_world(has_http=False)


@pytest.fixture
def http_world() -> Iterator[World]:
    """Create a world whose nodes can ask each other."""
    yield from create_world(has_http=True)


def create_world(*, has_http: bool) -> Iterator[World]:
    """Create a world, and check it at the end."""
    created = World(has_http=has_http)
    try:
        yield created
        assert created.doubles == []
    finally:
        created.ends()


def sizes(world: World) -> list[int]:
    """Return the number of shards of each node, by the database."""
    counts = Counter(owner for owner in world.database.owners.values() if owner)
    return sorted(counts.values())


def test_a_node_that_joins_has_its_share_within_three_seconds(world: World) -> None:
    """The others release what is more than their share; all cities are polled soon after the first node's start."""
    world.add()
    world.passes(1)
    assert world.polled() == ALL
    world.add()
    world.add()
    world.passes(3)
    assert sizes(world) == [4, 4, 4]
    assert world.polled() == ALL


def test_a_killed_nodes_cities_are_polled_again_within_twelve_seconds(world: World) -> None:
    """They are not polled before its lease is over, and all are polled after it."""
    first, _, _ = world.add(), world.add(), world.add()
    world.passes(5)
    world.do(first.is_killed)
    world.passes(8)
    assert world.polled() < ALL
    world.passes(4)
    assert world.polled() == ALL


def test_a_node_that_is_started_again_does_not_wait_for_its_own_lease(world: World) -> None:
    """The start deletes the row of the last start with the same state folder."""
    first, _ = world.add(), world.add()
    world.passes(5)
    world.do(first.is_killed)
    world.passes(1)
    world.do(first.starts_again)
    world.passes(3)
    assert world.polled() == ALL
    assert len(world.database.nodes) == 2


def test_a_node_that_leaves_hands_over_at_once(world: World) -> None:
    """Its row is deleted, and the others claim its shards at their next beat."""
    first, _ = world.add(), world.add()
    world.passes(5)
    world.leaves(first)
    world.passes(1.5)
    assert world.polled() == ALL
    assert len(world.database.nodes) == 1


@pytest.mark.parametrize("tenths", range(10))
def test_clocks_that_run_at_different_speeds_are_within_the_margin(world: World, tenths: int) -> None:
    """A node that is cut off stops before the others take its shards, though its clock is slow and theirs are fast.

    Whether that is close depends on the time between their beats.
    """
    slow = world.add(0.955)
    world.passes(tenths / 10)
    world.add(1.045)
    world.passes(5)
    slow.link.is_cut = True
    world.passes(15)
    assert world.polled() == ALL


def test_the_lease_begins_when_the_beat_is_sent(world: World) -> None:
    """A beat that was answered late does not extend the lease by its delay."""
    late, _ = world.add(0.98), world.add(1.02)
    world.passes(5)
    before = world.beat_of(late)
    late.link.delays += [(0.0, 2.9), (9.0, 0.0)]
    while world.beat_of(late) == before:
        world.passes(0.05)
    world.passes(3)
    late.link.is_cut = True
    world.passes(15)
    assert world.polled() == ALL


def test_a_process_that_was_stopped_polls_nothing_when_it_continues(world: World) -> None:
    """Others have its shards by then; it joins again as another node, and gets its share."""
    stopped, _ = world.add(), world.add()
    world.passes(5)
    world.do(stopped.runs.clear)
    world.passes(2 * LEASE)
    world.do(stopped.runs.set)
    world.passes(3)
    assert world.polled() == ALL
    assert sizes(world) == [6, 6]


def test_nobody_is_taken_for_dead_because_the_database_was_away(world: World) -> None:
    """All nodes pause, and continue with their own shards, although they come back at different times."""
    for _ in range(3):
        world.add()
    world.passes(5)
    before = dict(world.database.owners)
    world.database.is_away()
    world.passes(3 * LEASE)
    assert world.polled() == Counter()
    world.database.comes_back()
    world.passes(2 * LEASE)
    assert world.polled() == ALL
    assert world.database.owners == before


def test_a_restart_of_the_database_stops_no_polls(world: World) -> None:
    """An outage shorter than the lease is not noticed by the cities."""
    world.add()
    world.add()
    world.passes(5)
    world.database.is_away()
    for _ in range(6):
        world.passes(0.5)
        assert world.polled() == ALL
    world.database.comes_back()
    for _ in range(30):
        world.passes(0.5)
        assert world.polled() == ALL


def test_a_failover_that_forgot_a_move_lets_nobody_poll_twice(world: World) -> None:
    """The old owner waits a lease for shards that come back to it: the new one, cut off, may still poll them."""
    world.add()
    world.passes(5)
    new = world.add()
    world.passes(2.5)
    assert sizes(world) == [6, 6]
    new.link.is_cut = True
    world.do(lambda: world.database.forgets_last(3))
    world.passes(8)
    new.link.is_cut = False
    world.passes(3 * LEASE)
    assert world.polled() == ALL


def test_a_new_node_waits_until_the_others_have_learned_of_a_failover(world: World) -> None:
    """The database forgot a claim a moment ago: a node that starts then must not take what is free by mistake."""
    owner = world.add()
    world.passes(1)
    world.database.forgets_claims()
    owner.link.answers_late(1.5, 0.0)
    world.add()
    world.passes(3 * LEASE)
    assert world.polled() == ALL


def test_a_release_that_comes_late_changes_nothing(world: World) -> None:
    """A release that the database carries out late changes nothing after the node's next beat."""
    first = world.add()
    world.passes(5)
    second = world.add()
    first.link.delays += [(0.0, 0.0), (7.0, 0.0)]  # of the beat, and of the release, which is given up after 3 s
    world.passes(5.5)
    assert sizes(world) == [6, 6]
    world.leaves(second)
    world.passes(1.2)
    for _ in range(30):
        assert sizes(world) == [12]
        world.passes(0.1)
    assert world.polled() == ALL


def test_a_paused_node_still_shows_its_cities(world: World) -> None:
    """Nobody has taken them, so its last observations are what is known; the same tuple, because readers index it."""
    first, second = world.add(), world.add()
    world.passes(5)
    owned = {owner: ALL.keys() & shards for owner, shards in _list_owned(world)}
    world.do(world.database.is_away)
    world.passes(LEASE + 2)
    assert world.polled() == Counter()
    for node in (first, second):
        shown = node.member.shown_cities()
        assert {shard_of(city.id, SHARDS) for city in shown} == owned[node.member.view().own_id]
        assert [city.id for city in shown] == sorted(city.id for city in shown)
        assert node.member.shown_cities() is shown
    assert len(first.member.shown_cities()) + len(second.member.shown_cities()) == len(CITIES)


def _list_owned(world: World) -> Iterator[tuple[int | None, list[int]]]:
    for node in world.database.nodes:
        yield node, [shard for shard, owner in world.database.owners.items() if owner == node]


def test_all_go_on_while_the_database_is_away_for_everybody(http_world: World) -> None:
    """No poll is missing in an outage of many leases, and nobody is taken for dead after it."""
    for _ in range(3):
        http_world.add()
    http_world.passes(5)
    before = dict(http_world.database.owners)
    http_world.database.is_away()
    for _ in range(60):
        http_world.passes(1)
        assert http_world.polled() == ALL
    assert {view.state for view in http_world.views()} == {"going_on"}
    http_world.database.comes_back()
    for _ in range(30):
        http_world.passes(1)
        assert http_world.polled() == ALL
    assert http_world.database.owners == before
    assert {view.state for view in http_world.views()} == {"member"}


def test_a_node_that_is_cut_off_alone_pauses(http_world: World) -> None:
    """The others answer that they have the database, and take its shards."""
    alone, *_ = http_world.add(), http_world.add(), http_world.add()
    http_world.passes(5)
    alone.link.is_cut = True
    http_world.passes(15)
    assert http_world.polled() == ALL
    assert http_world.views()[0].state == "paused"


@pytest.mark.parametrize("tenths", range(0, 100, 10))
def test_nodes_that_go_on_stop_before_others_take_their_shards(http_world: World, tenths: int) -> None:
    """One of two comes back to the database while the other does not: it first watches that one for a lease."""
    slow, fast = http_world.add(0.97), http_world.add(1.03)
    http_world.passes(5)
    slow.link.is_cut = fast.link.is_cut = True
    http_world.passes(20 + tenths / 10)
    assert http_world.polled() == ALL
    fast.link.is_cut = False
    http_world.passes(25)
    assert http_world.polled() == ALL


def test_a_node_that_goes_on_is_not_expelled(http_world: World) -> None:
    """The database is back for a node that has just started, and has not seen the others beat: it asks them."""
    for _ in range(2):
        http_world.add()
    http_world.passes(5)
    for node in http_world.nodes:
        node.link.is_cut = True
    http_world.passes(20)
    http_world.add()
    http_world.passes(30)
    assert http_world.polled() == ALL


def test_an_expelled_node_that_is_back_under_another_number_ends_the_agreement(http_world: World) -> None:
    """The others, cut off from it and the database, ask the nodes seen in the last hour, not only those of now."""
    first, second, third = (http_world.add() for _ in range(3))
    http_world.passes(5)
    http_world.do(third.is_killed)
    http_world.passes(15)
    first.link.is_cut = second.link.is_cut = True
    http_world.peer_cuts |= {frozenset((node.url, third.url)) for node in (first, second)}
    http_world.do(third.starts_again)
    http_world.passes(40)
    assert http_world.polled() == ALL
