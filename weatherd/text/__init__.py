"""Text from users, files and services: durations, addresses, names and hints for them, secrets, control characters."""
