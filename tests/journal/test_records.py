"""Records: since when no day has reached a value."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from weatherd.journal.days.records import Record, find_records
from weatherd.journal.days.summary import Day

FIRST = date(2027, 1, 1)


def make_days(lows: list[float | None]) -> list[Day]:
    """Return days with these lows, one after the other."""
    return [
        Day(FIRST + timedelta(days=number), low, 0, low, 0, low, 24.0, None, None, 24, 0, 0, "a")
        for number, low in enumerate(lows)
    ]


@given(st.lists(st.none() | st.integers(-5, 5).map(float), min_size=1, max_size=80))
def test_no_day_after_the_former_one_reached_the_value(lows: list[float | None]) -> None:
    """Between the day of a record and the former one, all lows were higher, for more than 30 days."""
    lowest = [record for record in find_records(make_days(lows)) if record.kind == "lowest"]
    former = [
        index for index, low in enumerate(lows[:-1]) if low is not None and lows[-1] is not None and low <= lows[-1]
    ]
    age = len(lows) - 1 - (former[-1] if former else 0)
    assert bool(lowest) == (lows[-1] is not None and age > 30)
    for record in lowest:
        assert record.since == (FIRST + timedelta(days=former[-1]) if former else None)


def test_lowest_since() -> None:
    """-12 °C on 3 April is the lowest since 12 February, which had the same; a dry day is no record of rain."""
    lows: list[float | None] = [0.0] * 93
    lows[42] = lows[92] = -12.0
    (record,) = find_records(make_days(lows))
    assert record == Record("lowest", -12.0, date(2027, 4, 3), date(2027, 2, 12), FIRST)
    assert find_records([day._replace(rain=0.0, low=None, high=None) for day in make_days(lows)]) == []
    assert find_records([]) == []
