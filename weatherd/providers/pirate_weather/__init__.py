"""Pirate Weather: official warnings of many countries, from the alert hub of the WMO."""
