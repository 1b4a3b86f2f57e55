"""Simulated weather services: the protocols of the six services, with faults and quotas on demand.

No value is measured or forecast: the weather is a pure function of place and time, and every response says so.
"""
