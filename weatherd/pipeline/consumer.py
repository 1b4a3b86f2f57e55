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

# Seconds in which observations gather, because a batch costs the outputs' threads and the journal's transaction as much
# as fifty observations: at 2,000 a second, 0.02 s would cost twice as much CPU time in the pipeline
_GATHER_DELAY = 0.1


async def consume(
    queue: ObservationQueue, latest: LatestObservations, sinks: Sequence[GuardedSink], writer: JournalWriter
) -> None:
    """Record and flag each batch, and submit it to the journal writer and to all sinks. Waits for none of them.

    An observation that comes after a pause is submitted at once, those soon after it together.
    """
    while batch := await queue.get_batch():
        flagged = latest.record(batch)
        writer.submit(flagged)
        for sink in sinks:
            sink.submit(flagged)
        await asyncio.sleep(0 if queue.has_batch or queue.is_over_half_full else _GATHER_DELAY)
    writer.close()
    for sink in sinks:
        sink.close()
