"""What each command does, a file for each. They return the exit code; see sysexits(3)."""

OK = 0
UNCLEAN = 1
USAGE = 64
UNAVAILABLE = 69
BUG = 70
NO_STATE = 74
CONFIG = 78
