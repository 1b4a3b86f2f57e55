"""A weather service in a box: speaks Open-Meteo's and OpenWeatherMap's protocols, with faults on demand.

Nothing here is measured or forecast. The weather is pretended, from place and time alone, and says so.
"""
