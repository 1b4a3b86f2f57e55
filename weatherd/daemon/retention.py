"""What is old leaves the journal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from weatherd.journal.journal import Journal

log = structlog.get_logger()

_FIRST = 60.0  # seconds after the start, when there is enough to do
_EVERY = 3600.0


async def retain(
    journal: Journal, retention: float | None, forwarders: Sequence[str], now: Callable[[], datetime]
) -> None:
    """Keep what was fetched in the last *retention* seconds; None keeps all. Runs for ever.

    Age goes before delivery, or a far side that never comes back would fill the disk; what it did not get is told.
    """
    if retention is None:
        return
    await asyncio.sleep(_FIRST)
    while True:
        moment = now().timestamp()
        try:
            missed = await journal.prune(moment - retention, moment, forwarders)
        except StateError as error:
            log.debug("journal.not_pruned", reason=str(error))  # the disk is full, which is told when writing fails
        else:
            for name, count in missed.items():
                if count:
                    log.warning("forwarder.missed", forwarder=name, count=count, reason="older than 'retention'")
        await asyncio.sleep(_EVERY)
