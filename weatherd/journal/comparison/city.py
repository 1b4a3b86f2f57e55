"""Comparison of the services of one city, from what the journal has of them. Pure functions."""

from __future__ import annotations

import operator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from weatherd.journal.comparison.services import compare_services
from weatherd.observation import LIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.city import City
    from weatherd.journal.comparison.services import ServiceComparison

ComparedField = Literal[
    "temperature", "relative_humidity", "pressure_msl", "wind_speed", "wind_gust", "precipitation", "cloud_cover"
]
DEFAULT_RANGE = timedelta(days=30)
_STATIONS = frozenset({"bright-sky", "nws", "metar"})  # providers whose values are measured (docs/services.md)


def list_compared_columns(field: str) -> list[str]:
    """Return the columns of the journal's observations that :func:`compare_city` needs."""
    return ["provider", field, "origin", "quality"]


def compare_city(
    observed: Iterable[Sequence[Any]], polled: Iterable[Sequence[Any]], field: str, listed: City | None
) -> ServiceComparison:
    """Compare the services of a city by the values of *field*.

    *observed* are the rows that ``read_columns`` returns for :func:`list_compared_columns`, *polled* those that
    ``read_compared`` returns of services polled for comparison only. *listed* is the city as the list has it, if it
    does: only the services that it names first or for comparison are asked regularly.
    """
    rows = [(provider, at, value, origin, quality) for _, at, provider, value, origin, quality in observed]
    rows += [(provider, at, value, LIVE, quality) for at, provider, value, quality in polled]
    asked = {listed.providers[0], *listed.compare} if listed else set()
    return compare_services(sorted(rows, key=operator.itemgetter(1)), field, _STATIONS, asked)
