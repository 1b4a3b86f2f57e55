"""The US National Weather Service, https://api.weather.gov."""
