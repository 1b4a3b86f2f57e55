"""Requests that aiohttp cannot read, or whose client hangs up: they are counted, and logged at level debug."""

from __future__ import annotations

import logging

import structlog

log = structlog.get_logger()


class BadRequests(logging.Handler):
    """Handler of aiohttp's log records about requests. It would log a traceback for each malformed request.

    Errors in weatherd's own handlers are not among them: the middleware logs these as ``http.bug``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.logger = logging.Logger("aiohttp.server")  # noqa: LOG001 - not the global one, whose records are logged
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Count a request."""
        error = record.exc_info[1] if record.exc_info else None
        self.count += 1
        log.debug("http.bad_request", reason=repr(error) if error else record.getMessage())
