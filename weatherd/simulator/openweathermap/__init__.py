"""The protocol of OpenWeatherMap."""
