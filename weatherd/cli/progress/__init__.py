"""Progress of long work on a terminal: a bar for a command, the last row for the daemon."""
