"""Evaluation of the alert rules while the daemon runs."""
