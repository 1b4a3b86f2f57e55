"""Which answers of other nodes permit to go on without the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from weatherd.cluster.going_on import SeenNodes
from weatherd.cluster.peers import PeerState

HERE, OTHER, THIRD = "http://here:8080", "http://other:8080", "http://third:8080"


def make_row(node: int, url: str | None) -> dict[str, Any]:
    """Return the row of a node."""
    return {"id": node, "url": url}


@dataclass
class Answers:
    """The answers of the addresses; the others do not answer."""

    states: dict[str, PeerState] = field(default_factory=dict)

    async def ask_state(self, url: str) -> PeerState | None:
        """Return the state of a node."""
        return self.states.get(url)


async def permits(answers: dict[str, PeerState], *rows: dict[str, Any], own_url: str | None = HERE) -> bool:
    """Return whether the node with the number 1 may go on."""
    others = SeenNodes(Answers(answers), own_url)
    others.record([make_row(1, own_url), *rows], 1, 0.0)
    return await others.are_all_without_database()


async def test_every_other_node_has_to_answer_that_it_is_without_the_database() -> None:
    """One that does not answer, has the database, or has no address, ends the agreement; so does a lack of others."""
    without, with_it = PeerState(2, False, False), PeerState(2, True, False)
    assert await permits({OTHER: without}, make_row(2, OTHER))
    assert not await permits({OTHER: with_it}, make_row(2, OTHER))
    assert not await permits({}, make_row(2, OTHER))
    assert not await permits({OTHER: without}, make_row(2, OTHER), make_row(3, THIRD))
    assert not await permits({OTHER: without}, make_row(2, OTHER), make_row(3, None))
    assert not await permits({OTHER: without}, make_row(2, OTHER), own_url=None)
    assert not await permits({})


async def test_an_address_that_leads_to_another_node_is_no_answer() -> None:
    """Machines that all use 127.0.0.1 would ask themselves; a node that was started again has no number yet."""
    assert not await permits({HERE: PeerState(1, False, False)}, make_row(2, HERE))
    assert not await permits({OTHER: PeerState(1, False, False)}, make_row(2, OTHER))
    assert await permits({OTHER: PeerState(None, False, False)}, make_row(2, OTHER))


async def test_a_node_is_asked_for_an_hour_after_it_was_seen() -> None:
    """It may have the database, although its row is gone."""
    others = SeenNodes(Answers({OTHER: PeerState(2, False, False)}), HERE)
    others.record([make_row(1, HERE), make_row(2, OTHER), make_row(3, THIRD)], 1, 0.0)
    others.record([make_row(1, HERE), make_row(2, OTHER)], 1, 3599.0)
    assert not await others.are_all_without_database()
    others.record([make_row(1, HERE), make_row(2, OTHER)], 1, 3601.0)
    assert await others.are_all_without_database()


async def test_only_the_node_itself_can_answer_that_it_goes_on() -> None:
    """Otherwise, or without an answer, a silent node is expelled."""
    others = SeenNodes(Answers({OTHER: PeerState(2, False, True), THIRD: PeerState(9, False, True)}), HERE)
    assert await others.goes_on(make_row(2, OTHER))
    assert not await others.goes_on(make_row(3, THIRD))
    assert not await others.goes_on(make_row(4, None))
    assert not await others.goes_on(make_row(5, HERE))
