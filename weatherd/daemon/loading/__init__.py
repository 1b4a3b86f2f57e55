"""Loading of the configuration for the daemon, and detection of edits."""
