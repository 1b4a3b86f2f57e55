"""The checks that mark suspect values of observations."""
