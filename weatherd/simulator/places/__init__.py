"""Gazetteer of the simulated services: well-known places, by name, id and position."""
