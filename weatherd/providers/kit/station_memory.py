"""The stations near places: stored so that they survive a restart, with the one that reported last in front."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from weatherd.providers.values import as_mapping, parse_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from weatherd.journal.key_value import KeyValueStore

_T = TypeVar("_T")
_PREFERRED_FOR = timedelta(hours=1)  # before the nearest station is tried again


class StationMemory(Generic[_T]):
    """The stations of places, in a provider's key-value store. *parse* returns the valid ones of a stored list."""

    def __init__(
        self,
        key_values: KeyValueStore,
        now: Callable[[], datetime],
        valid_for: timedelta,
        parse: Callable[[list[Any]], list[_T]],
    ) -> None:
        self._key_values, self._now, self._valid_for, self._parse = key_values, now, valid_for, parse
        self._preferred: dict[str, tuple[str, datetime]] = {}  # by place: the station, and until when it is preferred

    def load(self, place: str) -> list[_T] | None:
        """Return the stored stations of a place, perhaps none; None if they are missing, damaged or outdated."""
        entry, now = self._load_entry(place), self._now().timestamp()
        found = parse_number(entry.get("found"), (now - self._valid_for.total_seconds(), now))  # later: a wrong clock
        is_valid = found is not None and isinstance(entry.get("stations"), list)
        return self.load_outdated(place) if is_valid else None

    def load_outdated(self, place: str) -> list[_T]:
        """Return the stored stations of a place, however old they are."""
        stations = self._load_entry(place).get("stations")
        return self._parse(stations) if isinstance(stations, list) else []

    def save(self, place: str, stations: Sequence[_T]) -> None:
        """Store the stations of a place."""
        now = self._now()
        text = json.dumps({"found": now.timestamp(), "stations": stations})
        self._key_values.put(place, text, now + self._valid_for)

    def discard(self, place: str) -> None:
        """Discard stations found over an hour ago, because none was fresh; they are requested anew."""
        self._preferred.pop(place, None)
        entry = self._load_entry(place)
        if entry and entry.get("found", 0) < (self._now() - _PREFERRED_FOR).timestamp():
            self._key_values.put(place, "{}", self._now())

    def prefer(self, place: str, station: str) -> None:
        """Put a station first for an hour, because the nearer ones had no fresh observation."""
        preferred, until = self._preferred.get(place, ("", self._now()))
        if preferred != station or self._now() >= until:
            self._preferred[place] = station, self._now() + _PREFERRED_FOR

    def sort(self, place: str, stations: list[str]) -> list[str]:
        """Return stations with the preferred one first."""
        preferred = self._preferred.get(place)
        if preferred is None or self._now() >= preferred[1]:
            return stations
        return sorted(stations, key=lambda station: station != preferred[0])

    def _load_entry(self, place: str) -> dict[str, Any]:
        """Return ``{"found": POSIX time, "stations": [...]}``, or {} if it is missing or damaged."""
        with contextlib.suppress(ValueError, RecursionError):
            return as_mapping(json.loads(self._key_values.get(place) or "{}"))
        return {}
