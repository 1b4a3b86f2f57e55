"""The daemon, seen from outside: health, metrics, JSON, a stream, and a page. Only one road leads in: a reload."""
