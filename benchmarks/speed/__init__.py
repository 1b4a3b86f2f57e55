"""What an observation costs, beside peers that do the same work on the same upstream."""
