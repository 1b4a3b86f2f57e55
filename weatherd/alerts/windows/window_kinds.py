"""The kinds of windows: lowest and highest value, change, mean, and rain."""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING, Any, ClassVar

from weatherd.alerts.windows.window import BUCKET_COUNT, NEWEST, OTHERS, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.alerts.windows.window import Numbers

_HOUR = 3600.0  # seconds


class _Selection(Window):
    """One of the observed values in each bucket."""

    def __init__(self, span: float, begin: int) -> None:
        super().__init__(span, begin)
        # Of the newest bucket: its content without the newest value; and whether the newest observation has a value
        self._before, self._has_value = begin + OTHERS, begin + OTHERS + 1

    def extend(self, numbers: Numbers, time: float, value: float | None) -> None:
        """Add a value that is newer than all others, and in the newest bucket."""
        del time
        self._put(numbers, value)

    def _revise(self, numbers: Numbers, time: float, value: float | None) -> None:
        del time
        if numbers[self._has_value] == 1:
            slot = self._slots + int(numbers[self._number]) % self._size
            numbers[slot] = numbers[self._before]
        self._put(numbers, value)

    def _put(self, numbers: Numbers, value: float | None) -> None:
        slot = self._slots + int(numbers[self._number]) % self._size
        numbers[self._has_value], numbers[self._before] = value is not None, numbers[slot]
        if value is not None:
            numbers[slot] = self._choose(value, numbers[slot], is_newest=True)
        numbers[self.position] = self._summarize(numbers)

    def _add_late(self, numbers: Numbers, number: int, value: float) -> None:
        slot, before = self._slots + number % self._size, self._before
        if number == numbers[self._number]:
            numbers[before] = self._choose(value, numbers[before], is_newest=False)
        numbers[slot] = self._choose(value, numbers[slot], is_newest=False)
        numbers[self.position] = self._summarize(numbers)

    def _choose(self, value: float, before: float, *, is_newest: bool) -> float:
        """Return the content of a slot that had *before*."""
        raise NotImplementedError

    def _summarize(self, numbers: Numbers) -> float:
        """Return the value of the window."""
        raise NotImplementedError


class _Extreme(_Selection):
    """The lowest or the highest value."""

    extreme: ClassVar[Callable[..., Any]]

    def __init__(self, span: float, begin: int) -> None:
        super().__init__(span, begin)
        self._choose_extreme = self.extreme

    def extend(self, numbers: Numbers, time: float, value: float | None) -> None:
        """Add a value that is newer than all others, which can only make the result more extreme."""
        del time
        before = numbers[slot := self._slots + int(numbers[self._number]) % self._size]
        numbers[self._before] = before
        numbers[self._has_value] = value is not None
        if value is not None and (found := self._choose_extreme(value, before)) != before:
            numbers[slot] = found
            summary = numbers[self.position]
            numbers[self.position] = found if summary != summary else self._choose_extreme(found, summary)  # noqa: PLR0124

    def _advance(self, numbers: Numbers, number: int) -> None:
        super()._advance(numbers, number)
        numbers[self.position] = self._summarize(numbers)

    def _choose(self, value: float, before: float, *, is_newest: bool) -> float:
        del is_newest
        chosen: float = self._choose_extreme(before, value)
        return chosen

    def _summarize(self, numbers: Numbers) -> float:
        found: float = self._choose_extreme(numbers[self._slots : self._slots + self._size])
        return nan if found == self.empty else found


class Minimum(_Extreme):
    """The lowest value."""

    empty, extreme = inf, min


class Maximum(_Extreme):
    """The highest value."""

    empty, extreme = -inf, max


class Change(_Selection):
    """The newest value minus the last one that is as old as the span, or up to half a span older; None without one."""

    size = BUCKET_COUNT * 3 // 2 + 1
    empty = nan

    def _choose(self, value: float, before: float, *, is_newest: bool) -> float:
        is_empty = before != before  # noqa: PLR0124 - NaN
        return value if is_newest or is_empty else before  # which is the last one of its bucket, as far as is known

    def _summarize(self, numbers: Numbers) -> float:
        if numbers[self._has_value] != 1:
            return nan
        first, size, newest = self._slots, self._size, int(numbers[self._number])
        for number in range(newest - BUCKET_COUNT, newest - size, -1):
            old = numbers[first + number % size]
            if old == old:  # noqa: PLR0124 - not NaN
                return numbers[first + newest % size] - old
        return nan


class Mean(Window):
    """The mean of the observations; each counts the same. The counts of the slots follow their sums."""

    def __init__(self, span: float, begin: int) -> None:
        super().__init__(span, begin)
        self._last = begin + OTHERS  # the newest observation's value

    def make_numbers(self) -> list[float]:
        """Return the numbers of a city without observations."""
        return [*super().make_numbers(), *[0.0] * self._size]

    def _clear(self, numbers: Numbers, slot: int) -> None:
        numbers[slot] = numbers[slot + self._size] = 0.0

    def extend(self, numbers: Numbers, time: float, value: float | None) -> None:
        """Add a value that is newer than all others, and in the newest bucket."""
        del time
        numbers[self._last] = nan if value is None else value
        if value is not None:
            self._add_late(numbers, int(numbers[self._number]), value)
        else:
            numbers[self.position] = self._summarize(numbers)

    def _revise(self, numbers: Numbers, time: float, value: float | None) -> None:
        slot, last = self._slots + int(numbers[self._number]) % self._size, numbers[self._last]
        if last == last:  # noqa: PLR0124 - not NaN
            numbers[slot + self._size] -= 1
            numbers[slot] = numbers[slot] - last if numbers[slot + self._size] else 0.0
        self.extend(numbers, time, value)

    def _add_late(self, numbers: Numbers, number: int, value: float) -> None:
        slot = self._slots + number % self._size
        numbers[slot] += value
        numbers[slot + self._size] += 1
        numbers[self.position] = self._summarize(numbers)

    def _summarize(self, numbers: Numbers) -> float:
        middle = self._slots + self._size
        count = sum(numbers[middle : middle + self._size])
        return sum(numbers[self._slots : middle]) / count if count else nan


class Rain(Window):
    """The rain that fell in the span, in mm, as far as it is known.

    A value is the rain of the hour before its observation. It counts for the time since the observation before: of
    values every 15 minutes, each for a quarter of it. After a longer gap than an hour, nothing is known of the rest.
    Late observations do not count, because their time has a value.
    """

    def __init__(self, span: float, begin: int) -> None:
        super().__init__(span, begin)
        # The newest observation's value, and since when it counts; the time of the newest observation before it that
        # has a value; and the sum of all buckets
        self._last, self._since, self._known, self._total = range(begin + OTHERS, begin + OTHERS + 4)

    def make_numbers(self) -> list[float]:
        """Return the numbers of a city without observations."""
        return [0.0, nan, nan, -inf, -inf, 0.0, *[0.0] * self._size]

    def _advance(self, numbers: Numbers, number: int) -> None:
        super()._advance(numbers, number)
        numbers[self._total] = sum(numbers[self._slots : self._slots + self._size])

    def extend(self, numbers: Numbers, time: float, value: float | None) -> None:
        """Add the rain of the hour before *time*, which is newer than all others, and in the newest bucket."""
        newest, last = numbers[NEWEST], numbers[self._last]
        if last == last:  # noqa: PLR0124 - not NaN
            numbers[self._known] = newest
        numbers[self._since] = max(newest, time - _HOUR)
        self._set_last(numbers, time, value)

    def _revise(self, numbers: Numbers, time: float, value: float | None) -> None:
        last = numbers[self._last]
        if last == last:  # noqa: PLR0124 - not NaN
            self._spread(numbers, time, -last)
        self._set_last(numbers, time, value)

    def _set_last(self, numbers: Numbers, time: float, value: float | None) -> None:
        numbers[self._last] = nan if value is None else value
        if value:
            self._spread(numbers, time, value)
        elif value == 0 == numbers[self._total]:  # as it is dry most of the time
            numbers[self.position] = 0.0
            return
        if value is None and time - numbers[self._known] >= self._span:
            numbers[self.position] = nan
            return
        outside = time * BUCKET_COUNT / self._span % 1  # the part of the oldest bucket that is not in the window
        oldest = numbers[self._slots + (int(numbers[self._number]) - BUCKET_COUNT) % self._size]
        numbers[self.position] = max(0.0, numbers[self._total] - outside * oldest)

    def _spread(self, numbers: Numbers, end: float, value: float) -> None:
        """Add *value* mm an hour to the buckets of the time for which the newest observation counts."""
        first_slot, width = self._slots, self._width
        since, newest = numbers[self._since], int(numbers[self._number])
        if since >= newest * width:  # as usual, the observation before is in the same bucket
            amount = value * (end - since) / _HOUR
            numbers[first_slot + newest % self._size] += amount
            numbers[self._total] += amount
            return
        for number in range(max(int(since // width), newest - BUCKET_COUNT), newest + 1):
            amount = value * (min(end, (number + 1) * width) - max(since, number * width)) / _HOUR
            numbers[first_slot + number % self._size] += amount
            numbers[self._total] += amount
