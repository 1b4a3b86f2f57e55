"""Care of the journal in the background: old observations are deleted, and those of an older version are migrated."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from weatherd.config.configuration import RetentionPeriods
    from weatherd.journal.journal import Journal

log = structlog.get_logger()

_DELAY = 60.0  # seconds after the start, because the first polls keep the daemon busy; and after a failure
_PERIOD = 3600.0  # seconds


async def prune_journal(
    journal: Journal, retention: RetentionPeriods, forwarders: Sequence[str], now: Callable[[], datetime]
) -> None:
    """Delete observations that are older than *retention*, every hour.

    After an upgrade, the observations that the older version wrote are migrated first.

    A clock that is ahead deletes nothing: the time of the newest observations is the latest from which age is counted.

    Undelivered observations are deleted too, because otherwise a destination that never recovers would fill the disk.
    ``forwarder.missed`` reports them.
    """
    delay = _DELAY
    while True:
        await asyncio.sleep(delay)
        time, delay = now().timestamp(), _PERIOD
        try:
            await journal.move_old_entries()
            if retention.raw is None:
                return
            time = await journal.witnessed_time(time)
            before = -math.inf if retention.hourly is None else time - retention.hourly
            thin_before = -math.inf if retention.hourly == retention.raw else time - retention.raw
            missed = await journal.prune(before, time, forwarders, thin_before)
        except StateError as error:
            delay = _DELAY
            log.debug("journal.not_pruned", reason=str(error))  # the journal writer reports a full disk
        else:
            for name, count in missed.items():
                if count:
                    log.warning("forwarder.missed", forwarder=name, count=count, reason="older than 'retention'")
