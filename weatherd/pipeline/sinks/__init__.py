"""The contract of a sink plug-in, which gets every observation as it arrives.

An entry point in the group ``weatherd.sinks`` names a function ``open_sink(settings)``. It gets the settings
(:class:`weatherd.config.settings.Settings`) and returns an asynchronous context manager of a :class:`Sink`, or None if
the settings disable it. The context manager is exited when the daemon stops. It raises
:class:`weatherd.errors.ConfigError` if the configuration is invalid: the daemon then does not start. Any other
exception is logged as ``plugin.broken``, and the daemon runs without the sink.

A sink that is down misses observations. For a destination that must get every observation, write a forwarder: see
``weatherd.pipeline.forwarders``. The names and types in this module and the fields of
:class:`weatherd.observation.FetchedObservation` are stable; fields may be added at the end, with a default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.observation import FetchedObservation


class Sink(Protocol):
    """A receiver of batches of observations, including repeats and stale ones."""

    async def write(self, batch: Sequence[FetchedObservation]) -> None:
        """Write a batch; it is written when this returns. Calls never overlap.

        Nothing waits for a sink: while a call takes long, up to 100,000 observations are queued for it, and it misses
        later ones. A call is cancelled after 30 s, and the batch is lost to this sink. After an exception, which is
        logged once as ``sink.down``, the sink is skipped for 1 s, doubling up to 60 s as long as it fails;
        ``sink.recovered`` logs the number of observations that it missed. Raise OSError or a WeatherdError with a
        message for the log; other exceptions are logged with a traceback. No failure affects the journal or another
        sink.
        """
