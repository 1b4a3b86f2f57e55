"""The HTTP client: one request, one deadline, one size cap, errors translated once."""
