"""Parts of the PostgreSQL forwarder."""
