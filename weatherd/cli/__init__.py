"""The command line: one file a command in ``commands/``; ``client.py`` asks a running daemon."""
