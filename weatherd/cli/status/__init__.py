"""The state of the daemon as text."""
