"""The command line: one file per command in ``commands/``; ``client.py`` calls the API of a running daemon."""
