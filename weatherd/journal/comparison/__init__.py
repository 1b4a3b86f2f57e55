"""Comparison of weather services by their observations of a city in the journal: pure functions."""
