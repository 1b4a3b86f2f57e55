"""Records: since when no day has reached a value."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from weatherd.journal.days.records import Record, find_extremes, find_records
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
    """Between the day of a record and the former one, or the first with a low, all lows were higher, for 30 days."""
    lowest = [record for record in find_records(make_days(lows)) if record.kind == "lowest"]
    former = [
        index for index, low in enumerate(lows[:-1]) if low is not None and lows[-1] is not None and low <= lows[-1]
    ]
    begin = next((index for index, low in enumerate(lows) if low is not None), 0)
    age = len(lows) - 1 - (former[-1] if former else begin)
    assert bool(lowest) == (lows[-1] is not None and age > 30)
    for record in lowest:
        assert record.since == (FIRST + timedelta(days=former[-1]) if former else None)


def test_lowest_since() -> None:
    """-12 °C on 3 April is the lowest since 12 February, which had the same; a dry day is no record of rain."""
    lows: list[float | None] = [0.0] * 93
    lows[42] = lows[92] = -12.0
    (record,) = find_records(make_days(lows))
    assert record == Record("lowest", -12.0, date(2027, 4, 3), date(2027, 2, 12), FIRST, 24.0, 0)
    assert find_records([day._replace(rain=0.0, low=None, high=None) for day in make_days(lows)]) == []
    assert find_records([]) == []


def test_days_without_a_value_are_not_compared() -> None:
    """The first gust after two years without is no record; a later record began with it, and lacks days without."""
    days = [day._replace(gust=None if day.date.day == 7 else 5.0) for day in make_days([0.0] * 800)]
    days[:700] = [day._replace(gust=None) for day in days[:700]]
    days[700], days[799] = days[700]._replace(gust=1.0), days[799]._replace(gust=6.0)
    assert "windiest" not in {record.kind for record in find_records(days[:701])}
    (record,) = [record for record in find_records(days) if record.kind == "windiest"]
    assert (record.since, record.first, record.incomplete) == (None, days[700].date, 4)


def test_days_with_few_hours_are_said() -> None:
    """A record of 2 observed hours has them; days of fewer than 18, and missing ones, may have had the value."""
    days = make_days([*[0.0] * 60, -3.0])
    days[-1] = days[-1]._replace(hours=2.0)
    days[40], days[41] = days[40]._replace(hours=17.9), days[41]._replace(hours=18.0)
    days[0] = days[0]._replace(hours=0.5)  # a history begins in the middle of a day
    del days[50:53]
    (record,) = [record for record in find_records(days) if record.kind == "lowest"]
    assert (record.hours, record.incomplete) == (2.0, 4)
    lowest, highest = (record for record in find_extremes(days) if record.kind in {"lowest", "highest"})
    assert (lowest.day, lowest.since, lowest.hours, lowest.incomplete) == (days[-1].date, None, 2.0, 4)
    assert (highest.day, highest.value, highest.incomplete) == (FIRST, 0.0, 4)


@given(st.lists(st.none() | st.integers(-5, 5).map(float), max_size=40), st.data())
def test_extremes_are_those_of_all_days(lows: list[float | None], data: st.DataObject) -> None:
    """The first day with the lowest low; its own hours do not make it uncertain, only those of other days do."""
    hours = [data.draw(st.sampled_from([2.0, 17.5, 18.0, 24.0])) for _ in lows]
    days = [day._replace(hours=found) for day, found in zip(make_days(lows), hours, strict=True)]
    lowest = [record for record in find_extremes(days) if record.kind == "lowest"]
    known = [low for low in lows if low is not None]
    assert bool(lowest) == bool(known)
    for record in lowest:
        index = lows.index(min(known))
        others = [found for place, found in enumerate(hours) if 0 < place < len(hours) - 1 and place != index]
        assert (record.value, record.day) == (min(known), FIRST + timedelta(days=index))
        assert (record.hours, record.incomplete) == (hours[index], sum(found < 18 for found in others))
