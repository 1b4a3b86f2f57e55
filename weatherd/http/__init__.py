"""HTTP client: every request has a deadline and a size limit, and its errors are translated in one place."""
