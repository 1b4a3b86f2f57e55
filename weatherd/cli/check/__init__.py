"""The report of ``weatherd check``."""
