"""Care of the journal in the background."""
