"""Cost of an observation, compared with other programs that do the same work on the same upstream server."""
