"""Airports' weather reports (METAR) from the US Aviation Weather Center, https://aviationweather.gov."""
