"""The protocol of Open-Meteo."""
