"""The formats of imported files."""
