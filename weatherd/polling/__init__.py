"""Polling of cities: schedule, producer, failover, supervisor."""
