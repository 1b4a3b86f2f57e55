"""The places that the simulated geocoding knows."""
