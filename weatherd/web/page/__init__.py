"""The web page: its files, its HTML, and the data that only it needs."""
