"""The sizes that the list of cities had during the last day, also before a restart."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from weatherd.journal.key_value import KeyValueStore

_DAY = 86400.0  # seconds
_KEY = "list sizes"
_KEPT = timedelta(days=3650)  # because a list may shrink in a long stop, too


class ListSize(NamedTuple):
    """A number of cities, and the POSIX time until which the list had it; infinite for the present one."""

    cities: int
    until: float


class ListSizes:
    """A record of the sizes of the list that finds the greatest one of the last day.

    A size is forgotten once the list is at least as long again, because it cannot be the greatest any more.
    """

    def __init__(self, store: KeyValueStore) -> None:
        self._store = store
        self._sizes = _parse_sizes(store.get(_KEY) or "[]")

    def record(self, cities: int, now: float) -> None:
        """Record the number of cities of a list that is in force from *now*, a POSIX time."""
        sizes = [size._replace(until=min(size.until, now)) for size in self._sizes if size.cities > cities]
        self._sizes = [*(size for size in sizes if size.until > now - _DAY), ListSize(cities, math.inf)]
        text = json.dumps([[size.cities, None if math.isinf(size.until) else size.until] for size in self._sizes])
        self._store.put(_KEY, text, datetime.fromtimestamp(now, UTC) + _KEPT)

    def find_peak(self, now: float) -> int:
        """Return the most cities that the list had in the day before *now*, a POSIX time."""
        return max((size.cities for size in self._sizes if size.until > now - _DAY), default=0)


def _parse_sizes(text: str) -> list[ListSize]:
    """Return the saved sizes; none if the text is damaged."""
    try:
        return [
            ListSize(int(cities), math.inf if until is None else float(until)) for cities, until in json.loads(text)
        ]
    except (TypeError, ValueError):
        return []
