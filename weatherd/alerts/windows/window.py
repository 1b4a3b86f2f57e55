"""A window: the summary of a field of a city's recent observations, in a ring of buckets.

A window ends with the newest observation, and is divided into 24 buckets with one number each: the observations
themselves are not kept. Its span is therefore exact to a 24th, and never shorter: 24 h may include an observation that
is 25 h old. Observations may come late. The newest one may be revised; a revision of an older one counts beside it
until both are out of the window.

What changes with most observations, the *state*, is apart from the ring: the content of the newest bucket, and what the
others add to it, is all that a new observation needs. It is therefore near the states of the city's other windows,
because the processor waits for memory longer than it computes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from array import array

    Numbers = array[float]  # of a city's windows; NaN stands for None

BUCKET_COUNT = 24
# Indexes of POSIX times that all windows of a city share: of the newest observation, and of the one before it
NEWEST, PREVIOUS = 0, 1
_SUMMARY, _CURRENT, OTHERS = 0, 1, 2  # positions in a state: of the summary, the newest bucket, and what a kind needs


class Window:
    """A ring of buckets. A bucket's number is the time divided by its length; it is in the slot number modulo size.

    An instance is shared by all cities; *state* and *ring* are the indexes of its first numbers in an array. The slot
    of the newest bucket is empty until that ends. Attributes are set in ``__init__``, because those of a class are
    found more slowly.
    """

    state_size: ClassVar[int]  # numbers
    slot_count: ClassVar[int] = BUCKET_COUNT + 1
    ring_size: ClassVar[int] = 1 + slot_count  # numbers: that of the newest bucket, and the slots
    empty: ClassVar[float] = 0.0  # the content of a slot without observations

    def __init__(self, span: float, state: int, ring: int) -> None:
        self._span, self._width = span, span / BUCKET_COUNT  # seconds
        self._size = self.slot_count
        self.position, self._current = state + _SUMMARY, state + _CURRENT
        self._number, self._slots = ring, ring + 1

    def reset(self, numbers: Numbers) -> None:
        """Set the numbers of a city without observations, which are NaN, to their first values."""
        numbers[self._number] = 0.0
        numbers[self._current] = self.empty
        for slot in range(self._slots, self._slots + self._size):
            numbers[slot] = self.empty

    def find_end(self, numbers: Numbers) -> float:
        """Return the time at which the newest bucket ends."""
        return (numbers[self._number] + 1) * self._span / BUCKET_COUNT

    def add(self, numbers: Numbers, time: float, value: float | None) -> None:
        """Add a value that was observed at *time*, a POSIX time, or replace the one of the newest observation."""
        number, newest = int(time * BUCKET_COUNT // self._span), int(numbers[self._number])
        if time > numbers[NEWEST]:
            if number > newest:
                self._advance(numbers, number)
            self.extend(numbers, time, value, numbers[NEWEST])
        elif time == numbers[NEWEST]:
            self._revise(numbers, time, value)
        elif number > newest - self._size and value is not None:
            self._add_late(numbers, number, value)

    def extend(self, numbers: Numbers, time: float, value: float | None, previous: float) -> None:
        """Add a value that is newer than all others, and in the newest bucket; *previous* is the time of the last."""
        raise NotImplementedError

    def _advance(self, numbers: Numbers, number: int) -> None:
        """End the newest bucket and begin the one with this number; clear those that were passed."""
        newest, size = int(numbers[self._number]), self._size
        self._close(numbers, self._slots + newest % size)
        for passed in range(max(newest + 1, number - size + 1), number + 1):
            self._clear(numbers, self._slots + passed % size)
        numbers[self._number], numbers[self._current] = number, self.empty

    def _close(self, numbers: Numbers, slot: int) -> None:
        """Store the content of the newest bucket, which ends, in its slot."""
        numbers[slot] = numbers[self._current]

    def _clear(self, numbers: Numbers, slot: int) -> None:
        numbers[slot] = self.empty

    def _revise(self, numbers: Numbers, time: float, value: float | None) -> None:
        """Replace the value of the newest observation."""

    def _add_late(self, numbers: Numbers, number: int, value: float) -> None:
        """Add a value of a bucket that is in the ring or the newest, older than the newest observation."""
