"""The age of the oldest entry that a forwarder has not delivered, against a plain model."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weatherd.daemon.monitor.backlog_ages import BacklogAges


@given(st.integers(0, 50), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), min_size=1, max_size=60))
def test_age(before: int, steps: list[tuple[int, int]]) -> None:
    """The age is that of the oldest entry, to within the time between two samples, or a minimum of it at the start."""
    ages, arrived, delivered, now = BacklogAges(), [0.0] * before, 0, 0.0
    for new, done in steps:
        now += 60.0
        arrived += [now] * new
        delivered = min(len(arrived), delivered + done)
        age = ages.sample(now, delivered, len(arrived) - delivered)
        assert age.entries == len(arrived) - delivered
        is_old = delivered < before
        if age.entries and not age.is_minimum:
            assert not is_old
            assert age.seconds == now - arrived[delivered]
        if is_old:
            assert age.seconds == now - 60.0
        if not age.entries:
            assert (age.seconds, age.is_minimum) == (0, False)
