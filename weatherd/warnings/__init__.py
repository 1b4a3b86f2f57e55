"""Official warnings of the cities: which are in force, what has changed, and when they are requested."""
