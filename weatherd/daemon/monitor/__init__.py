"""The snapshot of the daemon, on which the built-in alert rules are evaluated."""
