"""Moments as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.text.moments import parse_moment

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 27, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("24h", timedelta(hours=24)),
        ("1w", timedelta(weeks=1)),
        ("2 weeks", timedelta(weeks=2)),
        ("3 days", timedelta(days=3)),
        ("3 Days ago", timedelta(days=3)),
        ("1 day", timedelta(days=1)),
        ("1.5h", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("90 min", timedelta(minutes=90)),
        (" 5  hours ", timedelta(hours=5)),
        ("now", timedelta()),
    ],
)
def test_a_length_is_before_now(text: str, length: timedelta) -> None:
    """Long and short words, in any case and with any spaces."""
    assert parse_moment(text, NOW, BERLIN) == NOW - length


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("today", "2026-11-27T00:00+01:00"),
        ("Yesterday", "2026-11-26T00:00+01:00"),
        ("2026-06-30", "2026-06-30T00:00+02:00"),
        ("20260630", "2026-06-30T00:00+02:00"),
        ("2026-06-30 12:00", "2026-06-30T12:00+02:00"),
        ("2026-06-30T12:00Z", "2026-06-30T12:00+00:00"),
        ("2026-10-25T02:30", "2026-10-25T02:30+02:00"),  # the first of two
        ("2026-03-29T02:30", "2026-03-29T03:30+02:00"),  # skipped by the clock
    ],
)
def test_a_day_begins_at_midnight_of_the_place(text: str, moment: str) -> None:
    """Days and times without an offset are those of the given zone."""
    assert parse_moment(text, NOW, BERLIN) == datetime.fromisoformat(moment)


def test_today_is_the_day_of_the_place() -> None:
    """Late in the evening, it is tomorrow already further east."""
    late = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
    assert parse_moment("today", late, BERLIN) == datetime(2026, 11, 27, 23, tzinfo=UTC)
    assert parse_moment("today", late, ZoneInfo("America/New_York")) == datetime(2026, 11, 27, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026",
        "202611",
        "86400",
        "0",
        "1M",
        "1Mh",
        "0001-01-01",
        "9999-12-31",
        "-1h",
        "",
        "soon",
        "99999999 weeks",
    ],
)
def test_any_other_text_is_an_error(text: str) -> None:
    """A bare number is neither seconds nor a year; the message shows the forms."""
    with pytest.raises(ValueError, match="should be a duration before now"):
        parse_moment(text, NOW, UTC)


def test_a_bare_number_gets_a_hint() -> None:
    """It names the units, because both hours and days are likely."""
    with pytest.raises(ValueError, match="'7' has no unit: 7h are hours, 7d days; should be"):
        parse_moment("7", NOW, UTC)


@given(st.text(max_size=12) | st.from_regex(r"[0-9]{1,3} ?[a-zA-Z]{0,7}", fullmatch=True))
def test_nothing_but_a_value_error_is_raised(text: str) -> None:
    """Any text is a moment in UTC or a ValueError."""
    try:
        moment = parse_moment(text, NOW, BERLIN)
    except ValueError:
        return
    assert moment.utcoffset() == timedelta()
