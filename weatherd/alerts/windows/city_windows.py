"""The windows over a city's recent observations, such as ``max(wind_gust, 24h)``, in 250 bytes each.

The numbers of all windows of a city are in one array, because the processor waits for memory longer than it computes.
Those that change with each observation come first.
"""

from __future__ import annotations

from array import array
from math import inf, nan
from typing import TYPE_CHECKING, Any

from weatherd.alerts.windows.rain_window import Rain
from weatherd.alerts.windows.window import NEWEST, PREVIOUS
from weatherd.alerts.windows.window_kinds import Change, Maximum, Mean, Minimum
from weatherd.observation import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weatherd.alerts.windows.window import Numbers, Window

    WindowKey = tuple[str, str, float]  # function, field and span in seconds

_SAME_UNTIL = 2  # index of the POSIX time up to which newer observations are in the same buckets
_FIRST_STATE = 3
_CLASSES: Mapping[str, type[Window]] = {
    "min": Minimum, "max": Maximum, "mean": Mean, "change": Change, "rain": Rain,
}  # fmt: skip


class CityWindows:
    """The windows that a city needs, shared by all cities with the same rules. Each city has an array of numbers."""

    def __init__(self, keys: Iterable[WindowKey]) -> None:
        keys = tuple(keys)
        self.positions: dict[WindowKey, int] = {}  # of the summaries in the array; NaN is unknown
        self._windows: list[tuple[Window, int]] = []  # with the index of its field in an observation
        state = _FIRST_STATE
        ring = state + sum(_CLASSES[function].state_size for function, _, _ in keys)
        for function, field, span in keys:
            window = _CLASSES[function](span, state, ring)
            state, ring = state + window.state_size, ring + window.ring_size
            self.positions[function, field, span] = window.position
            self._windows.append((window, FIELDS.index(field)))
        # The numbers of a city without observations, to be copied
        self.unknown: Numbers = array("d", [-inf] * _FIRST_STATE + [nan] * (ring - _FIRST_STATE))
        for window, _ in self._windows:
            window.reset(self.unknown)
        self._extenders = [(window.extend, field) for window, field in self._windows]

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._windows)

    def add(self, numbers: Numbers, time: float, observation: Sequence[Any]) -> None:
        """Add the values of an observation at *time*, a POSIX time, that is not a repeat."""
        newest = numbers[NEWEST]
        if newest < time < numbers[_SAME_UNTIL]:
            for extend, field in self._extenders:
                extend(numbers, time, observation[field], newest)
        else:
            for window, field in self._windows:
                window.add(numbers, time, observation[field])
            numbers[_SAME_UNTIL] = min(window.find_end(numbers) for window, _ in self._windows)
        if time > newest:
            numbers[PREVIOUS], numbers[NEWEST] = newest, time

    def read(self, numbers: Numbers) -> dict[WindowKey, float | None]:
        """Return the summaries; None is unknown."""
        found = {key: numbers[position] for key, position in self.positions.items()}
        return {key: None if value != value else value for key, value in found.items()}  # noqa: PLR0124 - NaN
