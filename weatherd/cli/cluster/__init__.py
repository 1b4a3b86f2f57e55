"""The state of a cluster on the command line."""
