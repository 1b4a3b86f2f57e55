"""Days: a summary of each city's local calendar days, which is kept after the observations are deleted."""
