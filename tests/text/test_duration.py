"""Durations as text."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from weatherd.config.sections.value_types import Duration, Interval
from weatherd.text.duration import format_duration, format_elapsed, parse_duration


@pytest.mark.parametrize(
    ("written", "length"),
    [
        (0, 0),
        (1.5, 1.5),
        ("90", 90),
        ("90.5", 90.5),
        ("500ms", 0.5),
        ("30s", 30),
        ("10m", 600),
        ("10 m", 600),
        ("1H", 3600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1d 12h", 129_600),
        ("3650d", 315_360_000),
    ],
)
def test_the_forms_of_a_duration(written: Any, length: float) -> None:
    """Numbers are seconds; units may be combined; spaces and case do not matter, but for M."""
    assert parse_duration(written) == length


def test_a_capital_m_is_neither_a_minute_nor_a_month() -> None:
    """It could mean either, and a wrong guess would delete a journal or poll 43,200 times as often."""
    with pytest.raises(ValueError, match="should be a length of time"):
        parse_duration("1M")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        " ",
        "abc",
        "10x",
        "m10",
        "-5s",
        "10 minutes",
        "1,5h",
        "١٠m",
        "1e3",
        "s",
        None,
        True,
        [1],
        {},
        -1,
        float("nan"),
    ],
)
def test_other_forms_are_rejected(wrong: Any) -> None:
    """The message shows valid durations, and not the invalid text."""
    with pytest.raises(ValueError, match=r"^should be a length of time such as 30s, 10m or 1h30m$"):
        parse_duration(wrong)


@pytest.mark.parametrize("long", ["3651d", "9" * 400 + "d", "9" * 400, 1e300, float("inf"), 10**400])
def test_more_than_ten_years_is_rejected(long: Any) -> None:
    """The limit holds for every form of a duration."""
    with pytest.raises(ValueError, match=r"^should be 3650d or less$"):
        parse_duration(long)


@given(st.floats(0, 315_360_000))
def test_formatting_and_parsing_preserve_a_duration(length: float) -> None:
    """They preserve it to the millisecond."""
    assert parse_duration(format_duration(length)) == pytest.approx(length, abs=0.00051)


@pytest.mark.parametrize(
    ("length", "written"), [(0, "0s"), (0.25, "0.25s"), (59.9999, "1m"), (5400, "1h30m"), (90_061.5, "1d1h1m1.5s")]
)
def test_zero_units_are_omitted(length: float, written: str) -> None:
    """A duration is formatted with the units that are not zero."""
    assert format_duration(length) == written


@pytest.mark.parametrize(
    ("length", "written"),
    [(-3, "0s"), (0.4, "0s"), (12, "12s"), (34, "34s"), (90, "1m30s"), (119.7, "2m"), (149, "2m"), (17_590, "4h53m")],
)
def test_elapsed_time_has_no_more_than_is_of_interest(length: float, written: str) -> None:
    """It has whole seconds below two minutes, and whole minutes above."""
    assert format_elapsed(length) == written


@given(st.one_of(st.text(), st.floats(), st.integers(), st.from_regex(re.compile(r"\A[0-9.smhd ]+\Z"))))
def test_any_value_is_a_duration_or_a_value_error(value: Any) -> None:
    """A duration is finite and not negative; nothing but ValueError is raised."""
    try:
        assert 0 <= parse_duration(value) <= 315_360_000
    except ValueError as error:
        assert str(error).startswith("should be")  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("short", [0, 0.999, "999ms"])
def test_an_interval_is_at_least_a_second(short: Any) -> None:
    """Other durations may be shorter."""
    with pytest.raises(ValidationError, match="should be 1s or more"):
        TypeAdapter(Interval).validate_python(short)
    assert TypeAdapter(Duration).validate_python(short) < 1
