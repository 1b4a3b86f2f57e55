"""The cities that a file names: those of the list, and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weatherd.city import make_slug
from weatherd.cli.lookup import find_listed_city
from weatherd.text.local_zone import load_zone
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import tzinfo

    from weatherd.city import City


class ImportedCity(NamedTuple):
    """A city of the list, or one that may have been removed from it."""

    id: str
    zone: tzinfo


class CityNames:
    """The cities by the names in a file. One that is not in the list has the default time zone."""

    def __init__(self, cities: Sequence[City], default_zone: tzinfo, zone: tzinfo | None = None) -> None:
        self._cities = cities
        self._default_zone = default_zone
        self._zone = zone  # that overrides those of the cities
        self._found: dict[str, ImportedCity] = {}

    def find(self, name: str) -> ImportedCity:
        """Return the city with a name or an id. Raises ArgumentError if several cities of the list have the name."""
        if name not in self._found:
            city = find_listed_city(self._cities, name)
            zone = load_zone(city.timezone) if city else self._default_zone
            self._found[name] = ImportedCity(city.id if city else make_slug(name), self._zone or zone)
        return self._found[name]

    def describe_unlisted(self, ids: Iterable[str], recorded: Collection[str]) -> Iterator[str]:
        """Yield lines about those of *ids* that no city of the list has. Those that are not *recorded* are new."""
        listed = {city.id for city in self._cities}
        unlisted = sorted(set(ids) - listed)
        new, known = ([city for city in unlisted if (city in recorded) is is_known] for is_known in (False, True))
        if new:
            noun = "new city that is" if len(new) == 1 else "new cities that are"
            hint = did_you_mean(new[0], listed) if len(new) == 1 else ""
            yield f"{noun} not in the list of cities: {', '.join(new)}{hint or '; check the spelling'}"
        if known:
            yield f"not in the list of cities: {', '.join(known)}"
