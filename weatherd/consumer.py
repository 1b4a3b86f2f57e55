"""The consumer: drains the channel in batches into the sinks, for ever, until the channel is closed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.account import Account
    from weatherd.channel import Channel
    from weatherd.observation import Arrival
    from weatherd.sinks.board import Board
    from weatherd.sinks.outlet import Outlet

MOST = 500  # arrivals in a batch


async def consume(channel: Channel, board: Board, outlets: Sequence[Outlet], account: Account) -> None:
    """Mark what is a repeat, write each batch to every outlet in turn, and count."""
    while batch := await channel.take(MOST):
        marked = [_mark(arrival, board) for arrival in batch]
        for outlet in outlets:
            await outlet.write(marked)
        repeats = sum(arrival.repeat for arrival in marked)
        account.repeated += repeats
        account.stored += len(marked) - repeats


def _mark(arrival: Arrival, board: Board) -> Arrival:
    return dataclasses.replace(arrival, repeat=True) if board.note(arrival.observation) else arrival
