"""The consumer: drains the channel in batches into the journal and the sinks, for ever, until the channel is closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from weatherd.observation import FetchedObservation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.pipeline.heartbeat import Heartbeat
    from weatherd.pipeline.journal_writer import JournalWriter
    from weatherd.pipeline.latest import LatestObservations
    from weatherd.pipeline.queue import ObservationQueue
    from weatherd.pipeline.sinks.guard import GuardedSink

PART, LIMIT = "consumer", 120.0  # seconds for a batch: four times what a sink may take
_BREATH = 0.02  # seconds after a batch in which the next one gathers: a write costs as much for one as for twenty


async def consume(
    channel: ObservationQueue,
    board: LatestObservations,
    outlets: Sequence[GuardedSink],
    keeper: JournalWriter,
    pulse: Heartbeat,
) -> None:
    """Mark what is a repeat, hand each batch to the keeper, and write it to all outlets at once."""
    while batch := await channel.take():
        marked = [_mark(arrival, board) for arrival in batch]
        pulse.begins(PART, LIMIT)
        keeper.put(marked)
        async with asyncio.TaskGroup() as writes:  # a sink that hangs does not keep the others waiting
            for outlet in outlets:
                writes.create_task(outlet.write(marked))
        pulse.ends(PART)
        if not channel.is_crowded:
            await asyncio.sleep(_BREATH)
    keeper.close()


def _mark(arrival: FetchedObservation, board: LatestObservations) -> FetchedObservation:
    """Put the observation on the board, and mark it if it follows what stood there before, or says the same."""
    city, observation, _, stale, _ = arrival
    before = board.last(city.id)
    board.note(observation)
    if before is None:
        return arrival
    follows = observation.follows(before)
    return FetchedObservation(city, observation, not follows and observation.repeats(before), stale, follows)
