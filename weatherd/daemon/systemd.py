"""What systemd is told: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html."""

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
_EVERY = 5.0  # seconds between two looks, where systemd does not ask for more
_SELDOM = 60.0  # where nobody listens, or it takes a while to count the cities
_MANY = 1000  # of them take a while


def reloading() -> str:
    """Return what is said when a reload begins; READY follows when it is over."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def unheard(_message: str) -> None:
    """Stand in where no systemd listens."""


def notifier(environ: Mapping[str, str]) -> Callable[[str], None]:
    """Return what sends a message to systemd, or :func:`unheard` where no systemd listens."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return unheard
    address = "\0" + address[1:] if address[0] == "@" else address

    def notify(message: str) -> None:
        with (
            contextlib.suppress(OSError),  # nobody to be told
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        ):
            sender.sendto(message.encode(), address)

    return notify


def watchdog(environ: Mapping[str, str]) -> float:
    """Return the seconds within which systemd wants to hear from this process; 0 when it does not watch."""
    usec, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID") or str(os.getpid())
    return int(usec) / 1e6 if usec.isdigit() and whose == str(os.getpid()) else 0.0


async def attend(view: DaemonStatus, notify: Callable[[str], None], watchdog: float) -> None:
    """Tell how it goes, for ever; and that all is well only while producers tick and the consumer moves."""
    was_well, status, counted = True, "", -_SELDOM
    every = _SELDOM if notify is unheard else min(watchdog / 3 or _EVERY, _EVERY)
    loop = asyncio.get_running_loop()
    while True:
        faults = list(view.faults())
        if faults and was_well:
            log.error("daemon.stuck", reason="; ".join(faults))
        elif not (faults or was_well):
            log.info("daemon.moves")
        was_well = not faults
        if notify is not unheard and (len(view.cities) <= _MANY or loop.time() - counted >= _SELDOM):
            status, counted = view.sentence(), loop.time()
        notify(f"STATUS={'; '.join(faults)}" if faults else f"STATUS={status}\nWATCHDOG=1")
        await asyncio.sleep(every)
