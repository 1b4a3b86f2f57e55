"""API of the Aviation Weather Center, after https://aviationweather.gov/data/api/."""
