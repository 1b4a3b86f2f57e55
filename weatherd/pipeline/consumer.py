"""The consumer: moves batches from the queue to the journal writer and the sinks until the queue is closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.pipeline.journal_writer import JournalWriter
    from weatherd.pipeline.latest import LatestObservations
    from weatherd.pipeline.queue import ObservationQueue
    from weatherd.pipeline.sinks.guard import GuardedSink

_GATHER_DELAY = 0.02  # seconds between batches, because a write of one observation costs as much as one of twenty


async def consume(
    queue: ObservationQueue, latest: LatestObservations, sinks: Sequence[GuardedSink], writer: JournalWriter
) -> None:
    """Record and flag each batch, and submit it to the journal writer and to all sinks. Waits for none of them."""
    while batch := await queue.get_batch():
        flagged = latest.record(batch)
        writer.submit(flagged)
        for sink in sinks:
            sink.submit(flagged)
        if not queue.is_over_half_full:
            await asyncio.sleep(_GATHER_DELAY)
    writer.close()
    for sink in sinks:
        sink.close()
