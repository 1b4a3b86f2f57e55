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
    """Call *stop* and *reload* on signals, in the main thread, and let in those that were held.

    *stop* is called between any two steps of the program, also when something blocks the loop, so it may do little
    more than to wake the loop and start a timer. The first signal to stop gives both of them their default effect
    back: a second one kills without running any code of ours.
    """

    def first(*_: object) -> None:
        for number in _STOP:
            signal.signal(number, signal.SIG_DFL)
        stop()

    try:
        for number in _STOP:
            signal.signal(number, first)
        signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(reload))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ALL)
        yield
    finally:
        for number in _STOP:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a reload that comes too late must not kill
