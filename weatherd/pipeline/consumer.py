"""The consumer: moves batches from the queue to the journal writer and the sinks until the queue is closed."""

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

_PART, _BATCH_TIME_LIMIT = "consumer", 120.0  # seconds: four times the timeout of a sink
_GATHER_DELAY = 0.02  # seconds between batches, because a write of one observation costs as much as one of twenty


async def consume(
    queue: ObservationQueue,
    latest: LatestObservations,
    sinks: Sequence[GuardedSink],
    writer: JournalWriter,
    heartbeat: Heartbeat,
) -> None:
    """Flag repeats, submit each batch to the journal writer, and write it to all sinks concurrently."""
    while batch := await queue.get_batch():
        flagged = [_record(fetched, latest) for fetched in batch]
        heartbeat.busy(_PART, _BATCH_TIME_LIMIT)
        writer.submit(flagged)
        async with asyncio.TaskGroup() as writes:  # concurrent, because a hanging sink must not delay the others
            for sink in sinks:
                writes.create_task(sink.write(flagged))
        heartbeat.idle(_PART)
        if not queue.is_crowded:
            await asyncio.sleep(_GATHER_DELAY)
    writer.close()


def _record(fetched: FetchedObservation, latest: LatestObservations) -> FetchedObservation:
    """Record the observation as the city's latest; flag it as newer than or identical to the previous one."""
    city, observation, _, stale, _ = fetched
    previous = latest.get(city.id)
    latest.record(observation)
    if previous is None:
        return fetched
    follows = observation.follows(previous)
    return FetchedObservation(city, observation, not follows and observation.repeats(previous), stale, follows)
