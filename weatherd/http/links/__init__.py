"""Connections for polls, and their pools."""
