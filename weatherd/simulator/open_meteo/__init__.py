"""Open-Meteo's forecast and geocoding APIs, after https://open-meteo.com/en/docs."""
