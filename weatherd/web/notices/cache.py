"""The summary of all notices, which all readers share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from weatherd.web.notices.serializers import summarize_notices

if TYPE_CHECKING:
    from weatherd.daemon.status import DaemonStatus
    from weatherd.web.notices.models import NoticeSummary

_MIN_AGE = 1.0  # seconds that a summary is used at least,
_REUSE = 20  # and this multiple of the time that it took to make


class NoticeCache:
    """The latest summary of the notices, made at most a twentieth of the time: 20,000 warnings take 100 ms."""

    def __init__(self, status: DaemonStatus) -> None:
        self._status = status
        self._summary: NoticeSummary | None = None
        self._usable_until = 0.0  # monotonic clock

    def read(self) -> NoticeSummary:
        """Return the summary."""
        began = time.monotonic()
        if self._summary is None or began >= self._usable_until:
            self._summary = summarize_notices(self._status)
            ended = time.monotonic()
            self._usable_until = ended + max(_MIN_AGE, _REUSE * (ended - began))
        return self._summary
