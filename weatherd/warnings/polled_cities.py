"""The cities whose warnings are requested: those of the list, or in a cluster, those of this node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.city import City


class PolledCities(Protocol):
    """The cities that are polled."""

    @property
    def cities(self) -> Sequence[City]:
        """The cities, sorted by id; another object after each change."""

    def get(self, city_id: str) -> City | None:
        """Return the city with this id if it is polled."""
