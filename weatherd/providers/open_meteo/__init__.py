"""Open-Meteo, https://open-meteo.com."""
