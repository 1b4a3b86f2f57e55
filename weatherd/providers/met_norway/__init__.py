"""MET Norway, https://api.met.no."""
