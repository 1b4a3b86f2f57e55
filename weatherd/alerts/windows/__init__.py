"""Windows over the recent observations of a city, such as ``max(wind_gust, 24h)``."""
