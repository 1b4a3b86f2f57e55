"""The kinds of windows: lowest and highest value, change, and mean."""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING, ClassVar

from weatherd.alerts.windows.window import BUCKET_COUNT, OTHERS, Window

if TYPE_CHECKING:
    from weatherd.alerts.windows.window import Numbers


class _Extreme(Window):
    """The lowest or the highest value. The slots have values times *sign*, so that the extreme is the highest."""

    sign: ClassVar[float]
    state_size = OTHERS + 2
    empty = -inf

    def __init__(self, span: float, state: int, ring: int) -> None:
        super().__init__(span, state, ring)
        # The time of the newest observation that is the extreme of its bucket, and the extreme of those before it
        self._reached_at, self._before = state + OTHERS, state + OTHERS + 1
        self._sign = self.sign

    def extend(self, numbers: Numbers, time: float, value: float | None, previous: float) -> None:
        """Add a value that is newer than all others, and in the newest bucket. Most of them change nothing."""
        del previous
        if value is None or (found := value * self._sign) < (current := numbers[self._current]):
            return
        numbers[self._reached_at], numbers[self._before] = time, current
        if found != current:
            numbers[self._current] = found
            if not found <= numbers[self.position] * self._sign:  # which is NaN without a value before
                numbers[self.position] = value

    def _advance(self, numbers: Numbers, number: int) -> None:
        super()._advance(numbers, number)
        self._summarize(numbers)

    def _revise(self, numbers: Numbers, time: float, value: float | None) -> None:
        if numbers[self._reached_at] == time:
            numbers[self._current], numbers[self._reached_at] = numbers[self._before], nan
        self.extend(numbers, time, value, time)
        self._summarize(numbers)

    def _add_late(self, numbers: Numbers, number: int, value: float) -> None:
        is_newest = number == numbers[self._number]
        for index in (self._current, self._before) if is_newest else (self._slots + number % self._size,):
            numbers[index] = max(numbers[index], value * self._sign)
        self._summarize(numbers)

    def _summarize(self, numbers: Numbers) -> None:
        found = max(numbers[self._current], *numbers[self._slots : self._slots + self._size])
        numbers[self.position] = nan if found == -inf else found * self._sign


class Minimum(_Extreme):
    """The lowest value."""

    sign = -1.0


class Maximum(_Extreme):
    """The highest value."""

    sign = 1.0


class Change(Window):
    """The newest value minus the last one that is as old as the span, or up to half a span older; None without one."""

    state_size = OTHERS + 3
    slot_count = BUCKET_COUNT * 3 // 2 + 1
    ring_size = 1 + slot_count
    empty = nan

    def __init__(self, span: float, state: int, ring: int) -> None:
        super().__init__(span, state, ring)
        # The value that the newest one is compared with; the content of the newest bucket without the newest value;
        # and whether the newest observation has a value
        self._old, self._before, self._has_value = range(state + OTHERS, state + OTHERS + 3)

    def extend(self, numbers: Numbers, time: float, value: float | None, previous: float) -> None:
        """Add a value that is newer than all others, and in the newest bucket."""
        del time, previous
        numbers[self._has_value] = value is not None
        if value is None:
            numbers[self.position] = nan
        else:
            numbers[self._before], numbers[self._current] = numbers[self._current], value
            numbers[self.position] = value - numbers[self._old]

    def _advance(self, numbers: Numbers, number: int) -> None:
        super()._advance(numbers, number)
        numbers[self._old] = self._find_old(numbers)

    def _revise(self, numbers: Numbers, time: float, value: float | None) -> None:
        if numbers[self._has_value] == 1:
            numbers[self._current] = numbers[self._before]
        self.extend(numbers, time, value, time)

    def _add_late(self, numbers: Numbers, number: int, value: float) -> None:
        is_newest = number == numbers[self._number]
        for index in (self._current, self._before) if is_newest else (self._slots + number % self._size,):
            if numbers[index] != numbers[index]:  # NaN; otherwise it is the last one of its bucket, as far as is known
                numbers[index] = value
        numbers[self._old] = self._find_old(numbers)
        if numbers[self._has_value] == 1:
            numbers[self.position] = numbers[self._current] - numbers[self._old]

    def _find_old(self, numbers: Numbers) -> float:
        first, size, newest = self._slots, self._size, int(numbers[self._number])
        values = (numbers[first + number % size] for number in range(newest - BUCKET_COUNT, newest - size, -1))
        return next((value for value in values if value == value), nan)  # noqa: PLR0124 - not NaN


class Mean(Window):
    """The mean of the observations; each counts the same. The counts of the slots follow their sums."""

    state_size = OTHERS + 4
    ring_size = 1 + 2 * Window.slot_count

    def __init__(self, span: float, state: int, ring: int) -> None:
        super().__init__(span, state, ring)
        # Number of values in the newest bucket; sum and number of the others; and the newest observation's value
        self._count, self._sum, self._others, self._last = range(state + OTHERS, state + OTHERS + 4)

    def reset(self, numbers: Numbers) -> None:
        """Set the numbers of a city without observations, which are NaN, to their first values."""
        super().reset(numbers)
        for index in (self._count, self._sum, self._others, *range(self._slots, self._slots + 2 * self._size)):
            numbers[index] = 0.0

    def extend(self, numbers: Numbers, time: float, value: float | None, previous: float) -> None:
        """Add a value that is newer than all others, and in the newest bucket."""
        del time, previous
        numbers[self._last] = nan if value is None else value
        if value is not None:
            numbers[self._current] += value
            numbers[self._count] += 1
        self._summarize(numbers)

    def _advance(self, numbers: Numbers, number: int) -> None:
        super()._advance(numbers, number)
        numbers[self._count], middle = 0.0, self._slots + self._size
        numbers[self._sum] = sum(numbers[self._slots : middle])
        numbers[self._others] = sum(numbers[middle : middle + self._size])

    def _close(self, numbers: Numbers, slot: int) -> None:
        super()._close(numbers, slot)
        numbers[slot + self._size] = numbers[self._count]

    def _clear(self, numbers: Numbers, slot: int) -> None:
        numbers[slot] = numbers[slot + self._size] = 0.0

    def _revise(self, numbers: Numbers, time: float, value: float | None) -> None:
        last = numbers[self._last]
        if last == last:  # noqa: PLR0124 - not NaN
            numbers[self._count] -= 1
            numbers[self._current] = numbers[self._current] - last if numbers[self._count] else 0.0
        self.extend(numbers, time, value, time)

    def _add_late(self, numbers: Numbers, number: int, value: float) -> None:
        if number == numbers[self._number]:
            numbers[self._current] += value
            numbers[self._count] += 1
        else:
            slot = self._slots + number % self._size
            for index, amount in ((slot, value), (self._sum, value), (slot + self._size, 1), (self._others, 1)):
                numbers[index] += amount
        self._summarize(numbers)

    def _summarize(self, numbers: Numbers) -> None:
        count = numbers[self._count] + numbers[self._others]
        numbers[self.position] = (numbers[self._current] + numbers[self._sum]) / count if count else nan
