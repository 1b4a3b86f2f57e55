"""A window: the summary of a field of a city's recent observations, in a ring of buckets.

A window ends with the newest observation, and is divided into 24 buckets with one number each: the observations
themselves are not kept. Its span is therefore exact to a 24th, and never shorter: 24 h may include an observation that
is 25 h old. Observations may come late. The newest one may be revised; a revision of an older one counts beside it
until both are out of the window.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from array import array

    Numbers = array[float]  # of a city's windows; NaN stands for None

BUCKET_COUNT = 24
NEWEST = 0  # index of the POSIX time of a city's newest observation, which is that of all its windows
VALUE, OTHERS = 1, 2  # positions from the begin of a window's numbers: of the summary, and of what a kind needs
_SLOTS = 6  # position of the buckets


class Window:
    """A ring of buckets. A bucket's number is the time divided by its length; it is in the slot number modulo size.

    An instance is shared by all cities; *begin* is the index of its first number in an array. Its attributes are set in
    ``__init__``, because those of a class are found more slowly.
    """

    size = BUCKET_COUNT + 1
    empty: ClassVar[float] = 0.0  # the content of a slot without observations

    def __init__(self, span: float, begin: int) -> None:
        self._span, self._width = span, span / BUCKET_COUNT  # seconds
        self._size = self.size
        # Indexes of the newest bucket's number, of the first slot, and of the summary
        self._number, self._slots, self.position = begin, begin + _SLOTS, begin + VALUE

    def make_numbers(self) -> list[float]:
        """Return the numbers of a city without observations."""
        return [0.0, nan, nan, nan, nan, nan, *[self.empty] * self.size]

    def find_end(self, numbers: Numbers) -> float:
        """Return the time at which the newest bucket ends."""
        return (numbers[self._number] + 1) * self._span / BUCKET_COUNT

    def add(self, numbers: Numbers, time: float, value: float | None) -> None:
        """Add a value that was observed at *time*, a POSIX time, or replace the one of the newest observation."""
        number, newest = int(time * BUCKET_COUNT // self._span), int(numbers[self._number])
        if time > numbers[NEWEST]:
            if number > newest:
                self._advance(numbers, number)
            self.extend(numbers, time, value)
        elif time == numbers[NEWEST]:
            self._revise(numbers, time, value)
        elif number > newest - self._size and value is not None:
            self._add_late(numbers, number, value)

    def extend(self, numbers: Numbers, time: float, value: float | None) -> None:
        """Add a value that is newer than all others, and in the newest bucket."""
        raise NotImplementedError

    def _advance(self, numbers: Numbers, number: int) -> None:
        """Begin the bucket with this number, and clear those that were passed."""
        passed, size = number - int(numbers[self._number]), self._size
        for slot in range(size) if passed > size else range(number - passed + 1, number + 1):
            self._clear(numbers, self._slots + slot % size)
        numbers[self._number] = number

    def _clear(self, numbers: Numbers, slot: int) -> None:
        numbers[slot] = self.empty

    def _revise(self, numbers: Numbers, time: float, value: float | None) -> None:
        """Replace the value of the newest observation."""

    def _add_late(self, numbers: Numbers, number: int, value: float) -> None:
        """Add a value of a bucket that is in the ring, and older than the newest observation."""
