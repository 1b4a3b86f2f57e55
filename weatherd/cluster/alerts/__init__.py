"""Alerts of cities that move from node to node."""
