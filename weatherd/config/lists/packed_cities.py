"""A list of cities in a tenth of the memory: for a node that polls a part of a long list and has to know all of it."""

from __future__ import annotations

import bisect
import operator
from array import array
from collections.abc import Mapping, Sequence, ValuesView
from typing import TYPE_CHECKING, NamedTuple, overload

import msgspec

from weatherd.city import City, Tags, build_city

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class _Row(NamedTuple):
    """What differs from city to city."""

    id: str
    name: str
    lat: float
    lon: float
    altitude: float | None
    tags: Tags
    station: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Row).decode
_find_shared = operator.attrgetter("interval", "providers", "timezone", "warnings", "backfill", "compare", "plugins")


class PackedCities(Sequence[City]):
    """Cities sorted by id, each of which is built when it is accessed, in 1.5 us. A city takes some 70 bytes.

    Objects take 400 bytes a city, and a list of a million cities 400 MB. The values that many cities share, such as
    their intervals and providers, are held once.
    """

    __slots__ = ("_rows", "_samples", "_settings", "_starts")

    def __init__(self, cities: Iterable[City]) -> None:
        rows, starts, settings = bytearray(), array("I", [0]), array("I")
        samples: dict[object, City] = {}  # a city with each combination of shared values
        numbers: dict[object, int] = {}
        for city in sorted(cities, key=operator.attrgetter("id")):
            rows += _encode(_Row(city.id, city.name, city.lat, city.lon, city.altitude, city.tags, city.station))
            starts.append(len(rows))
            shared = _find_shared(city)
            samples.setdefault(shared, city)
            settings.append(numbers.setdefault(shared, len(numbers)))
        self._rows, self._starts, self._settings = bytes(rows), starts, settings
        self._samples = tuple(samples.values())

    def __len__(self) -> int:
        return len(self._settings)

    @overload
    def __getitem__(self, index: int) -> City: ...
    @overload
    def __getitem__(self, index: slice) -> list[City]: ...
    def __getitem__(self, index: int | slice) -> City | list[City]:
        positions = range(len(self))[index]
        if isinstance(positions, range):
            return [self._build(position) for position in positions]
        return self._build(positions)

    def __iter__(self) -> Iterator[City]:
        return map(self._build, range(len(self)))

    def ids(self) -> Iterator[str]:
        """Yield the ids in order."""
        return (self._read(position).id for position in range(len(self)))

    def find(self, city_id: str) -> int:
        """Return the position of a city, or -1, in O(log n)."""
        position = bisect.bisect_left(range(len(self)), city_id, key=lambda index: self._read(index).id)
        return position if position < len(self) and self._read(position).id == city_id else -1

    def find_changes(self, before: PackedCities) -> tuple[dict[str, City], dict[str, City]]:
        """Return the cities of *before* and of this list that are not equal in the other one, by their ids."""
        removed: dict[str, City] = {}
        added: dict[str, City] = {}
        numbers = {_find_shared(sample): number for number, sample in enumerate(before._samples)}
        before_numbers = [numbers.get(_find_shared(sample), -1) for sample in self._samples]
        left = right = 0
        while left < len(before) and right < len(self):
            is_same = before._settings[left] == before_numbers[self._settings[right]]
            if is_same and before._bytes(left) == self._bytes(right):
                left, right = left + 1, right + 1
                continue
            was, city = before[left], self[right]
            if was.id <= city.id:
                removed[was.id] = was
                left += 1
            if was.id >= city.id:
                added[city.id] = city
                right += 1
        removed |= {city.id: city for city in before[left:]}
        added |= {city.id: city for city in self[right:]}
        return removed, added

    def _bytes(self, position: int) -> bytes:
        return self._rows[self._starts[position] : self._starts[position + 1]]

    def _read(self, position: int) -> _Row:
        return _decode(self._bytes(position))

    def _sample(self, position: int) -> City:
        return self._samples[self._settings[position]]

    def _build(self, position: int) -> City:
        row, shared = self._read(position), self._sample(position)
        return build_city(
            row.name,
            row.lat,
            row.lon,
            row.id,
            row.altitude,
            shared.interval,
            shared.providers,
            shared.timezone,
            row.tags,
            shared.warnings,
            shared.backfill,
            shared.compare,
            row.station,
            shared.plugins,
        )


class PackedCitiesById(Mapping[str, City]):
    """The cities of a packed list by their ids."""

    def __init__(self, cities: PackedCities) -> None:
        self._cities = cities

    def __len__(self) -> int:
        return len(self._cities)

    def __iter__(self) -> Iterator[str]:
        return self._cities.ids()

    def __getitem__(self, city_id: str) -> City:
        position = self._cities.find(city_id)
        if position < 0:
            raise KeyError(city_id)
        return self._cities[position]

    def values(self) -> ValuesView[City]:
        """Return the cities in order, without a search for each."""
        return _PackedValues(self, self._cities)


class _PackedValues(ValuesView[City]):
    def __init__(self, mapping: PackedCitiesById, cities: PackedCities) -> None:
        super().__init__(mapping)
        self._cities = cities

    def __iter__(self) -> Iterator[City]:
        return iter(self._cities)
