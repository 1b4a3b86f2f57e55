"""What outlives a restart, in one SQLite file: every observation, the ledger, the notes, and the readers' cursors."""
