"""The protocol of MET Norway."""
