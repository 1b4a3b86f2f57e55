"""Polls soon after the service has news."""
