"""The log sink: one log event for each observation."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import msgspec

from weatherd.formatting import format_rfc3339
from weatherd.log import get_log_writer
from weatherd.observation import FIELDS, Observation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from weatherd.config.settings import Settings
    from weatherd.log import LogWriter
    from weatherd.observation import FetchedObservation

_DEFAULTS = Observation._field_defaults
# The facts of an event; those that have their default, such as an unknown value, are not logged
_Facts = msgspec.defstruct(
    "_Facts",
    [
        ("name", str),
        *((name, Any, _DEFAULTS[name]) if name in _DEFAULTS else (name, Any) for name in FIELDS),
        *(("repeat", bool, False), ("stale", bool, False), ("tags", Any, None)),
    ],
    omit_defaults=True,
    gc=False,
)


class LogSink:
    """Logs the event ``observation`` with every field that has a value, the tags of the city, ``repeat`` and ``stale``.

    The last two are logged if they are true.
    """

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer

    async def write(self, batch: Sequence[FetchedObservation]) -> None:
        """Log each observation of a batch."""
        self._writer.write_batch("observation", _collect_facts(batch))


def _collect_facts(batch: Sequence[FetchedObservation]) -> list[msgspec.Struct]:
    facts = []
    for city, observation, repeat, stale, _ in batch:
        city_id, provider, observed_at, fetched_at, *values = observation
        times = format_rfc3339(observed_at), format_rfc3339(fetched_at)
        facts.append(
            _Facts(city.name, city_id, provider, *times, *values, repeat, stale, dict(city.tags) if city.tags else None)
        )
    return facts


def open_sink(settings: Settings) -> AbstractAsyncContextManager[LogSink] | None:
    """Return the sink, or None if ``log.observations`` is false."""
    return contextlib.nullcontext(LogSink(get_log_writer())) if settings.log.observations else None
