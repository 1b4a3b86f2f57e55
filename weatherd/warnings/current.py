"""The warnings in force in each city, as the latest good answers have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weatherd.warnings.difference import NO_WARNINGS, KnownWarning, compare_warnings, end_warnings, expire_warnings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from weatherd.journal.tables.warning_table import SavedPlace
    from weatherd.official_warning import OfficialWarning
    from weatherd.providers.warning_service import WarningAnswer
    from weatherd.warnings.difference import WarningChange, WarningDifference


class CityChange(NamedTuple):
    """A change of a warning in a city."""

    city: str
    change: WarningChange


class CityWarning(NamedTuple):
    """A warning in force in a city."""

    city: str
    warning: OfficialWarning
    since: datetime


class WarningEnd(NamedTuple):
    """When a known warning of a city ends."""

    ends: datetime
    city: str
    provider: str


class CurrentWarnings:
    """The warnings of each city by provider; a city without an entry was not looked up yet."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Mapping[str, KnownWarning]]] = {}  # by provider, then by city id
        self._partial: dict[tuple[str, str], datetime] = {}  # since when the answers about a city id are partial ones

    def restore(self, places: Iterable[SavedPlace]) -> None:
        """Restore what an earlier run has saved."""
        for place in places:
            known = {saved.warning.event_key: KnownWarning(saved.warning, saved.since) for saved in place.warnings}
            self._known.setdefault(place.provider, {})[place.city] = known

    def update(self, city: str, provider: str, answer: WarningAnswer, now: datetime) -> list[CityChange]:
        """Take a good answer about a city; return what has changed.

        A complete answer after partial ones is like a first answer, because old warnings are new only to weatherd;
        those that were issued since the first partial one are news.
        """
        key, known = (city, provider), self._known.get(provider, {}).get(city)
        began = self._partial.get(key)
        if answer.is_partial:
            self._partial.setdefault(key, now)
        else:
            self._partial.pop(key, None)
        is_complete = not answer.problems and not answer.is_partial
        difference = compare_warnings(known, answer.warnings, now, began=began, is_complete=is_complete)
        return self._adopt(city, provider, difference)

    def expire(self, city: str, provider: str, now: datetime) -> list[CityChange]:
        """End the warnings of a city whose end has passed; return what has changed."""
        known = self._known.get(provider, {}).get(city)
        return self._adopt(city, provider, expire_warnings(known, now)) if known else []

    def _adopt(self, city: str, provider: str, difference: WarningDifference) -> list[CityChange]:
        self._known.setdefault(provider, {})[city] = difference.known
        return [CityChange(city, change) for change in difference.changes]

    def forget(
        self, city: str, now: datetime, providers: Sequence[str] | None = None
    ) -> tuple[list[tuple[str, str]], list[CityChange]]:
        """Forget a city, or what some providers know of it.

        Return its id with each provider that had an answer, and the ends of the warnings that were in force.
        """
        chosen = self._known if providers is None else [name for name in providers if name in self._known]
        forgotten: list[tuple[str, str]] = []
        changes: list[CityChange] = []
        for name in chosen:
            if (known := self._known[name].pop(city, None)) is not None:
                forgotten.append((city, name))
                changes += [CityChange(city, change) for change in end_warnings(known, now)]
        for place in forgotten:
            self._partial.pop(place, None)
        return forgotten, changes

    def list_cities(self) -> set[str]:
        """Return the ids of the cities of which something is known."""
        return {city for by_city in self._known.values() for city in by_city}

    def has_answer(self, city: str, provider: str) -> bool:
        """Return whether there was a good answer about a city, and the last one was complete."""
        return city in self._known.get(provider, {}) and (city, provider) not in self._partial

    def known(self, city: str, provider: str) -> Mapping[str, KnownWarning]:
        """Return the warnings of a city from one provider."""
        return self._known.get(provider, {}).get(city, NO_WARNINGS)

    def of_city(self, city: str, now: datetime) -> list[CityWarning]:
        """Return the warnings in force in a city, the most severe first."""
        return sorted(self._find(city, now), key=_order)

    def in_force(self, now: datetime) -> Iterator[CityWarning]:
        """Yield all warnings in force, by city id, the most severe of a city first."""
        warned = {city for by_city in self._known.values() for city, known in by_city.items() if known}
        for city in sorted(warned):
            yield from self.of_city(city, now)

    def scan(self, now: datetime) -> Iterator[CityWarning]:
        """Yield all warnings in force in no order, which takes a tenth of the time."""
        for by_city in self._known.values():
            for city, by_key in by_city.items():
                yield from _select_in_force(city, by_key, now)

    def find_ends(self) -> Iterator[WarningEnd]:
        """Yield the ends of all known warnings that have one, in no order."""
        for provider, by_city in self._known.items():
            for city, by_key in by_city.items():
                for known in by_key.values():
                    if known.warning.ends:
                        yield WarningEnd(known.warning.ends, city, provider)

    def _find(self, city: str, now: datetime) -> Iterator[CityWarning]:
        for by_city in self._known.values():
            yield from _select_in_force(city, by_city.get(city, NO_WARNINGS), now)


def _select_in_force(city: str, known: Mapping[str, KnownWarning], now: datetime) -> Iterator[CityWarning]:
    for warning, since, _ in known.values():
        if not warning.has_ended(now):
            yield CityWarning(city, warning, since)


def _order(found: CityWarning) -> tuple[int, str, str]:
    return -found.warning.severity, found.warning.provider, found.warning.event_key
