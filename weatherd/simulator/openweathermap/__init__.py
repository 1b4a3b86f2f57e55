"""OpenWeatherMap's current weather API 2.5, after https://openweathermap.org/current."""
