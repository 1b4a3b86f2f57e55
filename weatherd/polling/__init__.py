"""When and how a city is polled: schedule, producer, failover, supervisor."""
