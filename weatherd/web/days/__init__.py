"""The days of a city in the API."""
