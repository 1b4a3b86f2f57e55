"""Exit codes of the command line; see sysexits(3)."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the commands."""

    OK = 0
    UNCLEAN = 1  # unhealthy, not stopped within the grace period, or unable to write the output
    USAGE = 64
    BAD_DATA = 65  # some lines of an imported file are invalid
    UNAVAILABLE = 69  # a weather service or the daemon is unavailable
    BUG = 70
    NO_PROCESS = 71  # the process that loads the configuration failed
    NO_STATE = 74  # the state folder cannot be used
    CONFIG = 78
    INTERRUPTED = 130
