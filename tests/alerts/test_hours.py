"""Hours of the day on a city's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.alerts.hours import Hours, parse_hours

BERLIN, HAVANA = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Havana")


def hours(text: str) -> Hours:
    """Return the hours in a text."""
    found = parse_hours(text)
    assert found
    return found


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("18:00-09:00", ["18:00", "23:59", "00:00", "08:59"], ["09:00", "17:59"]),
        ("9:00 - 17:30", ["09:00", "17:29"], ["17:30", "08:59", "00:00"]),
        ("20:00-24:00", ["20:00", "23:59"], ["00:00", "19:59"]),
        ("00:00-06:00", ["00:00", "05:59"], ["06:00", "23:59"]),
    ],
)
def test_begin_is_inside_and_end_is_not(text: str, inside: list[str], outside: list[str]) -> None:
    """Hours include their begin and not their end, and midnight if they end before they begin."""
    for clock, expected in (*((clock, True) for clock in inside), *((clock, False) for clock in outside)):
        moment = datetime.fromisoformat(f"2026-01-15T{clock}").replace(tzinfo=BERLIN)
        assert hours(text).include(moment.astimezone(UTC), BERLIN) is expected


@pytest.mark.parametrize(
    "value", ["18-9", "18:00", "25:00-06:00", "12:60-13:00", "06:00-06:00", "00:00-24:00", 1800, ""]
)
def test_rejected_hours(value: object) -> None:
    """Other forms, times that no clock shows, and hours without length are rejected."""
    with pytest.raises(ValueError, match="should"):
        parse_hours(value)


@pytest.mark.parametrize(
    ("day", "text", "count"),
    [
        ("2026-10-25", "02:00-03:00", 120),  # the clock is set back from 3 to 2
        ("2026-10-25", "22:00-06:00", 540),
        ("2026-10-25", "22:00-02:30", 270),  # they end at the first 02:30
        ("2026-10-25", "02:30-05:00", 210),  # and begin at the first 02:30
        ("2026-10-25", "02:10-02:40", 30),
        ("2026-03-29", "02:00-03:00", 0),  # and forward from 2 to 3
        ("2026-03-29", "22:00-06:00", 420),
        ("2026-01-15", "22:00-06:00", 480),
    ],
)
def test_nights_of_a_change_of_the_clock(day: str, text: str, count: int) -> None:
    """An hour that comes twice is inside both times, but no begin or end in it; one that is skipped is never."""
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=BERLIN).astimezone(UTC)
    minutes = [noon - timedelta(minutes=minute) for minute in range(1, 25 * 60)]
    evening = noon.astimezone(BERLIN).date()
    chosen = [
        minute for minute in minutes
        if hours(text).include(minute, BERLIN) and (minute.astimezone(BERLIN).date() == evening or text[0] == "2")
    ]  # fmt: skip
    assert len(chosen) == count


@given(st.integers(0, 1439), st.integers(0, 1439))
def test_hours_begin_once_a_night(start: int, end: int) -> None:
    """Also in the night when the clock is set back, hours begin and end once, so that an alert fires once."""
    if start == end:
        return
    found = hours("-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end)))
    for day, zone in (("2026-10-24", BERLIN), ("2026-04-04", ZoneInfo("Australia/Lord_Howe")), ("2026-10-31", HAVANA)):
        noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=zone).astimezone(UTC)
        inside = [found.include(noon + timedelta(minutes=minute), zone) for minute in range(24 * 60)]
        assert sum(before != after for before, after in pairwise(inside)) <= 2


@given(st.integers(0, 1439), st.integers(0, 1439), st.datetimes(timezones=st.just(UTC), min_value=datetime(1990, 1, 1)))  # noqa: DTZ001
def test_hours_and_their_opposite_cover_the_day(start: int, end: int, moment: datetime) -> None:
    """Each moment is in exactly one of ``a-b`` and ``b-a``, in any time zone."""
    if start == end:
        return
    texts = [f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end)]
    for zone in (BERLIN, ZoneInfo("Australia/Lord_Howe"), UTC):
        first, second = (hours("-".join(order)).include(moment, zone) for order in (texts, texts[::-1]))
        assert first != second
