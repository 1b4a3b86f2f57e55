"""The simulated weather itself, from place and time alone."""
