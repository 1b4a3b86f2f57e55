"""Commands on the journal."""
