"""OpenWeatherMap, https://openweathermap.org."""
