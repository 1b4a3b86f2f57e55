"""The entries of the journal that a running daemon would have evaluated its alert rules on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.observation import LIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from weatherd.city import City
    from weatherd.journal.reader import RecordedPlace
    from weatherd.journal.rows import JournalEntry
    from weatherd.observation import Observation


def select_live(
    entries: Iterable[JournalEntry], cities: Iterable[City], places: Mapping[str, RecordedPlace]
) -> Iterator[Observation]:
    """Yield the observations that were polled at the place where each city is now.

    *places* are those of the cities' latest observations. What was filled in later did not arrive at its time.
    """
    begins = {
        city.id: place.first_seq
        for city in cities
        if (place := places.get(city.id)) and (city.lat, city.lon) == (place.lat, place.lon)
    }
    for seq, observation in entries:
        if observation.origin == LIVE and seq >= begins.get(observation.city, seq + 1):
            yield observation
