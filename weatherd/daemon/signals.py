"""Signal handling: SIGINT and SIGTERM stop, SIGHUP reloads; a second SIGINT or SIGTERM kills immediately."""

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
    """Block the signals until :func:`handle_signals`, so that an early signal is neither lost nor fatal."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ALL_SIGNALS)


@contextlib.contextmanager
def handle_signals(
    loop: asyncio.AbstractEventLoop, stop: Callable[[], None], reload: Callable[[], None]
) -> Iterator[None]:
    """Call *stop* or *reload* when a signal arrives inside the ``with``, and unblock the signals. Main thread only.

    *stop* is called between any two bytecodes, even while the event loop is blocked, so it should do no more than wake
    the loop and start a timer. The first stop signal restores the default action of both stop signals: a second one
    kills the process without running any of weatherd's code.
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
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # so that a late SIGHUP does not kill the process
