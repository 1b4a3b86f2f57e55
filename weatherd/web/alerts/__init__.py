"""Alerts in the HTTP interface."""
