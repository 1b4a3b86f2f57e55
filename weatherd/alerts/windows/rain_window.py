"""The window of the rain that fell."""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING

from weatherd.alerts.windows.window import BUCKET_COUNT, OTHERS, PREVIOUS, Window

if TYPE_CHECKING:
    from weatherd.alerts.windows.window import Numbers

_HOUR = 3600.0  # seconds


class Rain(Window):
    """The rain that fell in the span, in mm, as far as it is known.

    A value is the rain of the hour before its observation. It counts for the time since the observation before: of
    values every 15 minutes, each for a quarter of it. After a longer gap than an hour, nothing is known of the rest.
    Late observations do not count, because their time has a value.
    """

    state_size = OTHERS + 5

    def __init__(self, span: float, state: int, ring: int) -> None:
        super().__init__(span, state, ring)
        # When the newest bucket begins; the sum of the others, and how much of it leaves the window a second; the
        # newest observation's value; and the time of the newest observation before it that has a value
        indexes = range(state + OTHERS, state + OTHERS + 5)
        self._begin, self._others, self._outflow, self._last, self._known = indexes

    def reset(self, numbers: Numbers) -> None:
        """Set the numbers of a city without observations, which are NaN, to their first values."""
        super().reset(numbers)
        numbers[self._known] = -inf

    def extend(self, numbers: Numbers, time: float, value: float | None, previous: float) -> None:
        """Add the rain of the hour before *time*, which is newer than all others, and in the newest bucket."""
        last = numbers[self._last]
        if last == last:  # noqa: PLR0124 - not NaN
            numbers[self._known] = previous
        if value is None:
            numbers[self._last] = nan
            self._summarize(numbers, time)
            return
        numbers[self._last] = value
        begin = numbers[self._begin]
        if value == 0:
            if numbers[self.position] == 0:  # as it is dry most of the time
                return
        elif previous >= begin and time - previous <= _HOUR:  # as usual: both are in the newest bucket
            numbers[self._current] += value * (time - previous) / _HOUR
        else:
            self._spread(numbers, max(previous, time - _HOUR), time, value)
        found = numbers[self._others] + numbers[self._current] - (time - begin) * numbers[self._outflow]
        numbers[self.position] = found if found > 0 else 0.0

    def _advance(self, numbers: Numbers, number: int) -> None:
        super()._advance(numbers, number)
        numbers[self._begin] = number * self._width
        self._sum_others(numbers)

    def _sum_others(self, numbers: Numbers) -> None:
        oldest = self._slots + (int(numbers[self._number]) - BUCKET_COUNT) % self._size
        numbers[self._others] = sum(numbers[self._slots : self._slots + self._size])
        numbers[self._outflow] = numbers[oldest] / self._width

    def _revise(self, numbers: Numbers, time: float, value: float | None) -> None:
        last, since = numbers[self._last], max(numbers[PREVIOUS], time - _HOUR)
        if last == last:  # noqa: PLR0124 - not NaN
            self._spread(numbers, since, time, -last)
        if value is not None:
            self._spread(numbers, since, time, value)
        numbers[self._last] = nan if value is None else value
        self._summarize(numbers, time)

    def _summarize(self, numbers: Numbers, time: float) -> None:
        last = numbers[self._last]
        if last != last and time - numbers[self._known] >= self._span:  # noqa: PLR0124 - NaN
            numbers[self.position] = nan
            return
        outside = (time - numbers[self._begin]) * numbers[self._outflow]  # the oldest bucket's part before the window
        numbers[self.position] = max(0.0, numbers[self._others] + numbers[self._current] - outside)

    def _spread(self, numbers: Numbers, since: float, end: float, value: float) -> None:
        """Add *value* mm an hour to the buckets of a time."""
        width, newest = self._width, int(numbers[self._number])
        for number in range(max(int(since // width), newest - BUCKET_COUNT), newest + 1):
            amount = value * (min(end, (number + 1) * width) - max(since, number * width)) / _HOUR
            numbers[self._current if number == newest else self._slots + number % self._size] += amount
        self._sum_others(numbers)
