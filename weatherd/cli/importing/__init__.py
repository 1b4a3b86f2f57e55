"""Observations from files: exports of weatherd, and CSV files of other programs."""
