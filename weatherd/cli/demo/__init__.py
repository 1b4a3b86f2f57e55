"""The demo: the daemon with simulated weather, and the place where other commands find it."""
