"""Command line: one file per command in ``commands/``; ``client.py`` calls the HTTP API of a running daemon."""
