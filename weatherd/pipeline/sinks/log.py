"""The log sink: one log event for each observation."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from weatherd.formatting import TEMPLATE_FIELDS, format_rfc3339
from weatherd.log import get_log_writer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from weatherd.config.settings import Settings
    from weatherd.log import LogWriter
    from weatherd.observation import FetchedObservation


class LogSink:
    """Logs the event ``observation`` with every field that has a value, and ``repeat`` and ``stale`` if true."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer

    async def write(self, batch: Sequence[FetchedObservation]) -> None:
        """Log each observation of a batch."""
        self._writer.write_batch("observation", map(_facts, batch))


def _facts(fetched: FetchedObservation) -> dict[str, Any]:
    city, observation, repeat, stale, _ = fetched
    values = zip(TEMPLATE_FIELDS, (city.name, *observation), strict=True)
    facts: dict[str, Any] = {name: value for name, value in values if value is not None}
    if not observation.station:
        del facts["station"]
    facts["observed_at"] = format_rfc3339(observation.observed_at)
    facts["fetched_at"] = format_rfc3339(observation.fetched_at)
    if repeat:
        facts["repeat"] = True
    if stale:
        facts["stale"] = True
    return facts


def open_sink(settings: Settings) -> AbstractAsyncContextManager[LogSink] | None:
    """Return the sink, or None if ``log.observations`` is false."""
    return contextlib.nullcontext(LogSink(get_log_writer())) if settings.log.observations else None
