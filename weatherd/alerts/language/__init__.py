"""The language of alert conditions: from a text to a compiled function."""
