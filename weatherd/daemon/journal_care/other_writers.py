"""Entries that another process adds to the journal, such as ``weatherd import``, are noticed in the background."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from weatherd.errors import StateError

if TYPE_CHECKING:
    from weatherd.journal.journal import Journal

_PERIOD = 20.0  # seconds


async def notice_other_writers(journal: Journal) -> None:
    """Notice entries of other processes within 20 s, so that forwarders send them; for ever."""
    while True:
        await asyncio.sleep(_PERIOD)
        with contextlib.suppress(StateError):  # the journal writer reports it
            await journal.notice_entries()
