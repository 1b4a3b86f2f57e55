"""Text from users, files and services: durations, addresses, names in any spelling, secrets, control characters."""
