"""Filling of gaps in the journal with what the services still have of the past."""
