"""The card: one city's weather on a terminal, with a picture, a colored temperature and the last 24 hours."""
