"""Times in files of other programs."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from weatherd.cli.importing.local_times import parse_local_time

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("2026-01-31T12:00", None, "2026-01-31T11:00"),
        ("2026-07-31 12:00:30", None, "2026-07-31T10:00:30"),
        ("2026-07-31 12:00-05:00", None, "2026-07-31T17:00"),
        ("2026-07-31T12:00:00Z", None, "2026-07-31T12:00"),
        ("1767225600", "posix", "2026-01-01T00:00"),
        ("31.1.2026 1:05 PM", "%d.%m.%Y %I:%M %p", "2026-01-31T12:05"),
        ("202601311200 +0000", "%Y%m%d%H%M %z", "2026-01-31T12:00"),
    ],
)
def test_a_time_without_an_offset_is_local(text: str, form: str | None, expected: str) -> None:
    """ISO 8601, seconds since 1970 and other formats; an offset in the text counts."""
    assert parse_local_time(text, form, BERLIN, None) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_times_that_come_twice_or_never() -> None:
    """The second pass of the hour is known by the order of the file; a skipped time is an hour later."""
    before, found = None, []
    for text in ("01:30", "02:00", "02:30", "02:00", "02:30", "03:00"):
        before = parse_local_time(f"2026-10-25 {text}", None, BERLIN, before)
        found.append(f"{before:%H:%M}")
    assert found == ["23:30", "00:00", "00:30", "01:00", "01:30", "02:00"]
    alone = parse_local_time("2026-10-25 02:30", None, BERLIN, None)
    assert alone == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    skipped = parse_local_time("2026-03-29 02:30", None, BERLIN, None)
    assert skipped == datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN)


def test_times_that_come_twice_in_a_file_with_the_newest_row_first() -> None:
    """Both passes are told apart once two times have descended; of a first row with such a time, it is not known."""
    before, found = datetime(2026, 10, 25, 2, 30, tzinfo=UTC), []
    for text in ("03:00", "02:30", "02:00", "02:30", "02:00", "01:30"):
        before = parse_local_time(f"2026-10-25 {text}", None, BERLIN, before, is_descending=True)
        found.append(f"{before:%H:%M}")
    assert found == ["02:00", "01:30", "01:00", "00:30", "00:00", "23:30"]
    before = datetime(2026, 10, 25, 2, tzinfo=UTC)
    assert parse_local_time("2026-10-25 02:30", None, BERLIN, before) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
