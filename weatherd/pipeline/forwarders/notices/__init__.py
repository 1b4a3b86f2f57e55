"""Alerts and official warnings for destinations."""
