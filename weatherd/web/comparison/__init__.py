"""Comparison of the weather services of a city in the API and the page."""
