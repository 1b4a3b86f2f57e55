"""How long the oldest entry has waited that a forwarder has not delivered yet. A pure record of samples."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from weatherd.alerts.builtin.daemon_snapshot import BacklogAge

_RESOLUTION = 60.0  # seconds between two marks
_MAX_MARKS = 1500  # a day


class _Mark(NamedTuple):
    time: float  # POSIX time
    last: int  # the number of entries that had arrived at that time


class BacklogAges:
    """The times at which the entries that wait for one forwarder arrived, to within a minute."""

    def __init__(self) -> None:
        self._marks: deque[_Mark] = deque()
        self._is_from_start = True  # the oldest mark is the first one, whose entries may be older

    def sample(self, now: float, delivered: int, behind: int) -> BacklogAge:
        """Return the age at *now*, a POSIX time, from the numbers of entries that are delivered, and that are not.

        The numbers may count entries that are never delivered, such as revised ones, until nothing is left.
        """
        marks, last = self._marks, delivered + behind
        while marks and marks[0].last <= delivered:
            marks.popleft()
            self._is_from_start = False
        if not behind:
            marks.clear()
            self._is_from_start = False
        elif not marks or (now - marks[-1].time >= _RESOLUTION and last > marks[-1].last and len(marks) < _MAX_MARKS):
            marks.append(_Mark(now, last))
        seconds = max(0.0, now - marks[0].time) if marks else 0.0
        return BacklogAge(behind, seconds, is_minimum=self._is_from_start and bool(marks))
