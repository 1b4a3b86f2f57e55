"""Handle signals: SIGINT and SIGTERM stop, SIGHUP reloads; a second SIGINT or SIGTERM kills at once."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ALL_SIGNALS = (*_STOP_SIGNALS, signal.SIGHUP)


def block_signals() -> None:
    """Block the signals until :func:`handle_signals`: one that comes too early is then neither lost nor fatal."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ALL_SIGNALS)


@contextlib.contextmanager
def handle_signals(
    loop: asyncio.AbstractEventLoop, stop: Callable[[], None], reload: Callable[[], None]
) -> Iterator[None]:
    """Call *stop* or *reload* on signals inside the ``with``, and unblock the signals. For the main thread.

    *stop* is called between any two bytecodes, even while something blocks the event loop; so it may do little more
    than wake the loop and start a timer. The first stop signal restores the default action of both: a second one
    kills the process without running any code of weatherd's.
    """

    def handle_first_stop(*_: object) -> None:
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        stop()

    try:
        for number in _STOP_SIGNALS:
            signal.signal(number, handle_first_stop)
        signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(reload))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ALL_SIGNALS)
        yield
    finally:
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # because a late reload must not kill the process
