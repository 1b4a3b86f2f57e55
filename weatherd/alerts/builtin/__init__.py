"""Built-in rules about the daemon itself."""
