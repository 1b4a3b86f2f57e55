"""``weatherd alerts``: rules that watch the weather."""
