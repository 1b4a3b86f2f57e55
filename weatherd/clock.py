"""The clock of the polls: it runs with the machine's boot clock, and is set anew when the system time is stepped."""

from __future__ import annotations

import asyncio
import functools
import math
import time
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

log = structlog.get_logger()

_MIN_CHECK_PERIOD = 1.0  # seconds, because the timer of the ticks may call check() a hundred times a second
_MAX_DRIFT = 1.0  # seconds between the anchored and the system time
_MIN_SUSPEND = 30.0  # seconds; uvloop's clock stands still during a callback, so a short difference means nothing

# Seconds since the boot, including the time for which the machine was suspended. CLOCK_MONOTONIC, which asyncio uses,
# excludes that time on Linux. On macOS it includes it, and there is no CLOCK_BOOTTIME.
boot_time: Callable[[], float] = (
    functools.partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    if hasattr(time, "clock_gettime")
    else time.monotonic
)


class AnchoredClock:
    """POSIX time that advances with the boot clock: ``epoch + boot()``.

    Deadlines and durations are measured with *boot*, which is never set; a suspend counts. Only where a calendar or the
    time of an observation matters, ``epoch`` is added. :meth:`check` sets it anew after a step of the system time.
    """

    def __init__(self, now: Callable[[], datetime], boot: Callable[[], float]) -> None:
        self.boot = boot
        self._now = now
        self._awake = asyncio.get_running_loop().time
        self.epoch = now().timestamp() - boot()
        self._resumed_at = -math.inf  # boot time of the end of the latest suspend
        self._next_check = boot()
        self._asleep = boot() - self._awake()  # seconds for which the machine was suspended, plus a constant

    def check(self) -> None:
        """Notice a step of the system time and the end of a suspend, within a second; log each once."""
        boot = self.boot()
        if boot < self._next_check:
            return
        self._next_check = boot + _MIN_CHECK_PERIOD
        drift = self._now().timestamp() - boot - self.epoch
        if abs(drift) > _MAX_DRIFT:
            self.epoch += drift
            log.warning("clock.stepped", seconds=round(drift, 3))
        asleep = boot - self._awake()
        if asleep - self._asleep > _MIN_SUSPEND:
            self._resumed_at = boot
            log.info("clock.resumed", seconds=round(asleep - self._asleep, 3))
        self._asleep = max(asleep, self._asleep)

    def seconds_since(self, at: float) -> float:
        """Return the seconds since a boot time, or since the latest suspend, in which nothing could run, if later."""
        return self.boot() - max(at, self._resumed_at)
