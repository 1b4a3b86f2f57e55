"""The simulated weather: pure functions of place and time."""
