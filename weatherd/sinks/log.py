"""Every observation as an event of the log."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import structlog

from weatherd.formats import plain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from weatherd.observation import Arrival
    from weatherd.settings import Settings

log = structlog.get_logger()


class LogSink:
    """Logs ``observation`` with every field that is known.

    ``repeat`` marks what was said before, and ``stale`` what is not the weather of now.
    """

    async def write(self, batch: Sequence[Arrival]) -> None:
        """Log each arrival of a batch."""
        bound = log.bind()  # once: the proxy would do it for every line
        for arrival in batch:
            facts = plain(arrival.observation) | {"repeat": arrival.repeat or None, "stale": arrival.stale or None}
            known = {name: value for name, value in facts.items() if value is not None and value != ""}
            bound.info("observation", name=arrival.city.name, **known)


@contextlib.asynccontextmanager
async def _open() -> AsyncIterator[LogSink]:
    yield LogSink()


def open_sink(settings: Settings) -> AbstractAsyncContextManager[LogSink] | None:
    """Open the sink unless ``log.observations`` is off."""
    return _open() if settings.log.observations else None
