"""Measurements, one scenario per module."""
