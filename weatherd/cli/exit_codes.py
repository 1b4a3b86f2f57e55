"""Exit codes of the command line; see sysexits(3)."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit code of a command means."""

    OK = 0
    UNCLEAN = 1  # unhealthy, not stopped within the grace period, or output that cannot be written
    USAGE = 64
    UNAVAILABLE = 69  # a weather service or the daemon
    BUG = 70
    NO_STATE = 74  # the state folder cannot be used
    CONFIG = 78
    INTERRUPTED = 130
