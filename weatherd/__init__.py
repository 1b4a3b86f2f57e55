"""weatherd: a daemon that records the current weather for a list of cities.

Importing this package has no side effects: no handlers, hooks or changes of the interpreter's state.
"""

from importlib.metadata import version

__version__ = version("weatherd")
