"""weatherd watches the weather of a list of cities, for years, without being looked after."""

from importlib.metadata import version

__version__ = version("weatherd")
