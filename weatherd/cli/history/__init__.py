"""What ``weatherd history`` shows."""
