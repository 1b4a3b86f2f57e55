"""Everything that survives a restart, in one SQLite file: observations, usage, key-value entries and cursors."""
