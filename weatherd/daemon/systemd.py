"""Notification of systemd: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from weatherd.daemon.status import DaemonStatus

log = structlog.get_logger()

READY, STOPPING = "READY=1", "STOPPING=1"
_CHECK_PERIOD = 5.0  # seconds, unless systemd's watchdog needs a shorter one
_SLOW_PERIOD = 60.0  # seconds; period without systemd, and between two summaries of a long list
_LONG_LIST = 1000  # cities; counting the states of more takes a while


def reloading_message() -> str:
    """Return the message that announces a reload; READY announces its end."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def no_notify(_message: str) -> None:
    """Ignore the message, because no service manager is listening."""


def open_notifier(environ: Mapping[str, str]) -> Callable[[str], None]:
    """Return a function that sends a message to systemd, or :func:`no_notify` if ``NOTIFY_SOCKET`` is not set."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return no_notify
    address = "\0" + address[1:] if address[0] == "@" else address

    def notify(message: str) -> None:
        with (
            contextlib.suppress(OSError),  # systemd no longer listens, or does not read and its queue is full
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        ):
            sender.setblocking(False)
            sender.sendto(message.encode(), address)

    return notify


def watchdog_period(environ: Mapping[str, str]) -> float:
    """Return the timeout of systemd's watchdog for this process in seconds; 0 without a watchdog."""
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID") or str(os.getpid())
    return int(usec) / 1e6 if usec.isdigit() and pid == str(os.getpid()) else 0.0


async def feed_watchdog(status: DaemonStatus, notify: Callable[[str], None], watchdog: float) -> None:
    """Send status lines for ever, and feed the watchdog while the producers and the pipeline make progress.

    Logs ``daemon.stuck`` when progress stops and ``daemon.unstuck`` when it resumes.
    """
    was_stuck, summary, summarized = False, "", -_SLOW_PERIOD
    period = _SLOW_PERIOD if notify is no_notify else min(watchdog / 3 or _CHECK_PERIOD, _CHECK_PERIOD)
    loop = asyncio.get_running_loop()
    while True:
        stalled = list(status.stalled_parts())
        if stalled and not was_stuck:
            log.error("daemon.stuck", reason="; ".join(stalled))
        elif was_stuck and not stalled:
            log.info("daemon.unstuck", reason="progress resumed")
        was_stuck = bool(stalled)
        if notify is not no_notify and (len(status.cities) <= _LONG_LIST or loop.time() - summarized >= _SLOW_PERIOD):
            summary, summarized = await status.summarize(), loop.time()
        text = "; ".join(status.find_faults()) or summary
        notify(f"STATUS={text}" if stalled else f"STATUS={text}\nWATCHDOG=1")
        await asyncio.sleep(period)
