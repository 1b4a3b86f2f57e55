"""Persistent state in one SQLite file: observations, usage, key-value entries and cursors."""
