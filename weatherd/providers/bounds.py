"""What is possible on Earth: beyond these bounds a value is an error of the service."""

FELT = (-120.0, 90.0)  # °C
HUMIDITY = (0.0, 110.0)  # %, a little above 100 in fog
PRESSURE = (800.0, 1150.0)  # hPa, at sea level
WIND = (0.0, 150.0)  # m/s
DIRECTION = (0.0, 360.0)  # degrees
FALL = (0.0, 1000.0)  # mm
COVER = (0.0, 100.0)  # %
SIGHT = (0.0, 1e6)  # m
