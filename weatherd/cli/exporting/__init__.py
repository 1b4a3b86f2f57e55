"""Files that ``weatherd export`` writes."""
