"""Figures, goals, tables and the plot."""
