"""Summaries of a city's recent observations, such as ``max(wind_gust, 24h)``, in a few hundred bytes each.

A window ends with the newest observation, and is divided into 24 buckets with one number each: the observations
themselves are not kept. Its span is therefore exact to a 24th, and never shorter: 24 h may include an observation that
is 25 h old. Observations may come late. The newest one may be revised; a revision of an older one counts beside it
until both are out of the window.
"""

from __future__ import annotations

from array import array
from math import inf, nan
from typing import TYPE_CHECKING, Any

from weatherd.observation import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from weatherd.observation import Observation

    WindowKey = tuple[str, str, float]  # function, field and span in seconds

_BUCKETS = 24
_HOUR = 3600.0  # seconds
_INDEX = {field: index for index, field in enumerate(FIELDS)}


class Window:
    """A ring of buckets. A bucket's number is the time divided by its length; it is in the slot number modulo size."""

    __slots__ = ("_newest", "_number", "_slots", "_span", "value")
    _size = _BUCKETS + 1
    _empty = 0.0  # the content of a slot without observations

    def __init__(self, span: float) -> None:
        self._span = span  # seconds
        self._newest = -inf  # POSIX time of the newest observation
        self._number = 0  # of its bucket
        self._slots = array("d", [self._empty]) * self._size
        self.value: float | None = None

    def add(self, time: float, value: float | None) -> None:
        """Add a value that was observed at *time*, a POSIX time, or replace the one of the newest observation."""
        number = int(time * _BUCKETS // self._span)
        if time > self._newest:
            passed, size = number - self._number, self._size
            for slot in range(size) if passed > size else range(number - passed + 1, number + 1):
                self._clear(slot % size)
            self._newest, self._number = time, number
            self._begin()
        elif time == self._newest:
            self._undo(number % self._size)
        elif number <= self._number - self._size:
            return
        if value is not None:
            self._put(number, value, is_newest=time == self._newest)
        self.value = self._summarize()

    def _clear(self, slot: int) -> None:
        self._slots[slot] = self._empty

    def _begin(self) -> None:
        """Prepare for a newest observation."""

    def _undo(self, slot: int) -> None:
        """Remove the value of the newest observation, which is revised."""

    def _put(self, number: int, value: float, *, is_newest: bool) -> None:
        """Put a value into a bucket."""

    def _summarize(self) -> float | None:
        """Return the value of the window."""


class _Selection(Window):
    """One of the observed values in each bucket."""

    __slots__ = ("_before",)

    def _begin(self) -> None:
        self._before: float | None = None  # of the newest bucket without the newest value; None: that is unknown

    def _undo(self, slot: int) -> None:
        if self._before is not None:
            self._slots[slot], self._before = self._before, None

    def _put(self, number: int, value: float, *, is_newest: bool) -> None:
        slot = number % self._size
        before = self._slots[slot]
        if is_newest:
            self._before = before
        elif number == self._number and self._before is not None:
            self._before = self._choose(value, self._before, is_newest=False)
        self._slots[slot] = self._choose(value, before, is_newest=is_newest)

    def _choose(self, value: float, before: float, *, is_newest: bool) -> float:
        """Return the content of a slot that had *before*."""
        raise NotImplementedError


class _Minimum(_Selection):
    """The lowest value."""

    __slots__ = ()
    _empty = inf

    def _choose(self, value: float, before: float, *, is_newest: bool) -> float:
        del is_newest
        return min(before, value)

    def _summarize(self) -> float | None:
        found = min(self._slots)
        return None if found == inf else found


class _Maximum(_Selection):
    """The highest value."""

    __slots__ = ()
    _empty = -inf

    def _choose(self, value: float, before: float, *, is_newest: bool) -> float:
        del is_newest
        return max(before, value)

    def _summarize(self) -> float | None:
        found = max(self._slots)
        return None if found == -inf else found


class _Change(_Selection):
    """The newest value minus the last one that is as old as the span, or up to half a span older; None without one."""

    __slots__ = ()
    _size = _BUCKETS * 3 // 2 + 1
    _empty = nan

    def _choose(self, value: float, before: float, *, is_newest: bool) -> float:
        is_empty = before != before  # noqa: PLR0124 - NaN
        return value if is_newest or is_empty else before  # which is the last one of its bucket, as far as is known

    def _summarize(self) -> float | None:
        if self._before is None:
            return None
        slots, size = self._slots, self._size
        for number in range(self._number - _BUCKETS, self._number - size, -1):
            old = slots[number % size]
            if old == old:  # noqa: PLR0124 - not NaN
                return slots[self._number % size] - old
        return None


class _Mean(Window):
    """The mean of the observations; each counts the same."""

    __slots__ = ("_counts", "_last")

    def __init__(self, span: float) -> None:
        super().__init__(span)
        self._counts = array("i", [0]) * self._size

    def _clear(self, slot: int) -> None:
        self._slots[slot], self._counts[slot] = 0.0, 0

    def _begin(self) -> None:
        self._last: float | None = None  # the newest observation's value

    def _undo(self, slot: int) -> None:
        if self._last is not None:
            self._counts[slot] -= 1
            self._slots[slot] = self._slots[slot] - self._last if self._counts[slot] else 0.0
            self._last = None

    def _put(self, number: int, value: float, *, is_newest: bool) -> None:
        slot = number % self._size
        self._slots[slot] += value
        self._counts[slot] += 1
        if is_newest:
            self._last = value

    def _summarize(self) -> float | None:
        count = sum(self._counts)
        return sum(self._slots) / count if count else None


class _Rain(Window):
    """The rain that fell in the span, in mm, as far as it is known.

    A value is the rain of the hour before its observation. It counts for the time since the observation before: of
    values every 15 minutes, each for a quarter of it. After a longer gap than an hour, nothing is known of the rest.
    Late observations do not count, because their time has a value.
    """

    __slots__ = ("_known", "_last", "_since")

    def __init__(self, span: float) -> None:
        super().__init__(span)
        self._since = -inf  # the newest observation's value counts from then on
        self._last: float | None = None  # that value
        self._known = -inf  # time of the newest observation before it that has a value

    def add(self, time: float, value: float | None) -> None:
        """Add the rain of the hour before *time*, or replace that of the newest observation."""
        if time > self._newest:
            if self._last is not None:
                self._known = self._newest
            self._since, self._last = max(self._newest, time - _HOUR), None
        if time >= self._newest:
            super().add(time, value)

    def _undo(self, slot: int) -> None:
        del slot
        if self._last is not None:
            self._spread(-self._last)
            self._last = None

    def _put(self, number: int, value: float, *, is_newest: bool) -> None:
        del number, is_newest
        self._last = value
        self._spread(value)

    def _spread(self, value: float) -> None:
        """Add *value* mm an hour to the buckets of the time for which the newest observation counts."""
        slots, size, width, end = self._slots, self._size, self._span / _BUCKETS, self._newest
        first = max(int(self._since // width), self._number - _BUCKETS)
        for number in range(first, self._number + 1):
            length = min(end, (number + 1) * width) - max(self._since, number * width)
            slots[number % size] += value * length / _HOUR

    def _summarize(self) -> float | None:
        if self._last is None and self._newest - self._known >= self._span:
            return None
        outside = self._newest * _BUCKETS / self._span % 1  # the part of the oldest bucket that is not in the window
        return max(0.0, sum(self._slots) - outside * self._slots[(self._number - _BUCKETS) % self._size])


_CLASSES: dict[str, Callable[[float], Window]] = {
    "min": _Minimum, "max": _Maximum, "mean": _Mean, "change": _Change, "rain": _Rain,
}  # fmt: skip


def make_windows(keys: Iterable[WindowKey]) -> dict[WindowKey, Window]:
    """Return an empty window for each function, field and span, for one city."""
    return {key: _CLASSES[key[0]](key[2]) for key in keys}


def add_to_windows(windows: Mapping[WindowKey, Window], observation: Observation) -> None:
    """Add an observation that is not a repeat to a city's windows."""
    time = observation.observed_at.timestamp()
    for key, window in windows.items():
        value: Any = observation[_INDEX[key[1]]]
        window.add(time, value)
