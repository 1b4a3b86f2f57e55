"""Sharing of the list of cities among several nodes, through leases in PostgreSQL."""
