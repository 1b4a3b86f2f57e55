"""Text from users, files and services: durations, names in any spelling, secrets, control characters."""
