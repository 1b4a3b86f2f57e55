"""The consumer: drains the channel in batches into the journal and the sinks, for ever, until the channel is closed."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.attempts import Pulse
    from weatherd.channel import Channel
    from weatherd.keeper import Keeper
    from weatherd.observation import Arrival
    from weatherd.sinks.board import Board
    from weatherd.sinks.outlet import Outlet

PART, LIMIT = "consumer", 120.0  # seconds for a batch: four times what a sink may take
MOST = 500  # arrivals in a batch


async def consume(channel: Channel, board: Board, outlets: Sequence[Outlet], keeper: Keeper, pulse: Pulse) -> None:
    """Mark what is a repeat, hand each batch to the keeper, and write it to all outlets at once."""
    while batch := await channel.take(MOST):
        marked = [_mark(arrival, board) for arrival in batch]
        pulse.begins(PART, LIMIT)
        keeper.put(marked)
        async with asyncio.TaskGroup() as writes:  # a sink that hangs does not keep the others waiting
            for outlet in outlets:
                writes.create_task(outlet.write(marked))
        pulse.ends(PART)
    keeper.close()


def _mark(arrival: Arrival, board: Board) -> Arrival:
    """Put the observation on the board, and mark it if it says what stood there before."""
    before = board.last(arrival.city.id)
    board.note(arrival.city, arrival.observation)
    repeat = before is not None and arrival.observation.repeats(before)
    return dataclasses.replace(arrival, repeat=True) if repeat else arrival
