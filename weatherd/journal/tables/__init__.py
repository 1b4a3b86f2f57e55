"""The tables of the journal file, each with its statements."""
