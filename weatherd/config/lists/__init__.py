"""The formats of a city list."""
