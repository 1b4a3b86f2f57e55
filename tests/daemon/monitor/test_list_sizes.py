"""The greatest size of the list of cities in the last day, against a plain model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import new_key_values
from weatherd.daemon.monitor.list_sizes import ListSizes
from weatherd.journal.key_value import KeyValueEntry

DAY = 86400.0


@given(
    st.lists(st.tuples(st.integers(0, 20), st.floats(0, 2 * DAY), st.booleans()), max_size=12), st.floats(0, 2 * DAY)
)
def test_peak(edits: list[tuple[int, float, bool]], later: float) -> None:
    """The peak is the greatest size that was in force at some time of the last day, also after restarts."""
    store, now, sizes = new_key_values(), 0.0, list[tuple[float, int]]()
    found = ListSizes(store)
    for cities, pause, restarts in edits:
        now += pause
        found = ListSizes(store) if restarts else found
        found.record(cities, now)
        sizes.append((now, cities))
    now += later
    ends = [begin for begin, _ in sizes[1:]] + [now + 1]
    in_force = [cities for (_, cities), end in zip(sizes, ends, strict=False) if end > now - DAY]
    assert found.find_peak(now) == max(in_force, default=0)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '[["a", 1]]', "[[1, 2, 3]]"])
def test_damaged_sizes(text: str) -> None:
    """A damaged text counts as none."""
    store = new_key_values()
    store.restore(KeyValueEntry("fake", "list sizes", text, 9e9))
    assert ListSizes(store).find_peak(0.0) == 0
