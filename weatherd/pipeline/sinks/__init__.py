"""Where observations go. An entry point of ``weatherd.sinks`` names a function that opens a sink.

The function takes the settings, and returns an asynchronous context manager of the sink, or None when the settings
leave it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.observation import FetchedObservation


class Sink(Protocol):
    """Takes batches of arrivals.

    One task calls ``write``, a batch at a time, so a sink needs no lock. Each call has a deadline: at its end the call
    is cancelled and the batch is lost to this sink. Whatever ``write`` raises is logged, and the sink is left alone
    for a while; neither hurts another sink.
    """

    async def write(self, batch: Sequence[FetchedObservation]) -> None:
        """Write a batch; it is written when this returns."""
