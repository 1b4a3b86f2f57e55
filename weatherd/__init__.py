"""weatherd watches the weather of a list of cities, for years, without being looked after."""

import sys
from importlib.metadata import version

__version__ = version("weatherd")

if not {"rich", "structlog"} & sys.modules.keys():
    # structlog imports rich where it is installed, for tracebacks that weatherd does not print: a seventh of a start,
    # and 5 MB. https://www.structlog.org/en/stable/exceptions.html
    sys.modules["rich"] = None  # type: ignore[assignment]  # what is None there cannot be imported
    import structlog  # noqa: F401

    del sys.modules["rich"]
