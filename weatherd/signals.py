"""SIGINT and SIGTERM stop, SIGHUP reloads; a second signal to stop kills at once."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

_STOP = (signal.SIGINT, signal.SIGTERM)
_ALL = (*_STOP, signal.SIGHUP)


def hold() -> None:
    """Keep signals waiting until :func:`catch`, so that one which comes too early is not lost and does not kill."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)


@contextlib.contextmanager
def catch(loop: asyncio.AbstractEventLoop, stop: Callable[[], None], reload: Callable[[], None]) -> Iterator[None]:
    """Call *stop* and *reload* from the loop on signals, and let in those that were held.

    The first signal to stop gives both of them their default effect back. That kills without running any code of
    ours, so nothing can hang; it also takes the place of asyncio's own handling of SIGINT.
    """

    def first() -> None:
        for number in _STOP:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        stop()

    try:
        for number in _STOP:
            loop.add_signal_handler(number, first)
        loop.add_signal_handler(signal.SIGHUP, reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ALL)
        yield
    finally:
        for number in _ALL:
            loop.remove_signal_handler(number)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a reload that comes too late must not kill
