"""API of the US National Weather Service, after https://www.weather.gov/documentation/services-web-api."""
