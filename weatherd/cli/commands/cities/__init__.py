"""``weatherd cities``: the commands that search for places and edit the list."""
