"""Validation of numbers, times and texts of services."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.errors import Failure, ProviderError
from weatherd.providers.values import (
    as_mapping,
    clean_text,
    parse_integer,
    parse_number,
    parse_posix_time,
    parse_temperature,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NO_NUMBERS: list[Any] = [
    None,
    True,
    False,
    "",
    "6.0",
    "NaN",
    [],
    [6.0],
    {},
    {"value": 6},
    math.nan,
    math.inf,
    -math.inf,
]


@given(JSON, st.sampled_from([(1.0, 0.0), (1 / 3.6, 0.0), (5 / 9, -160 / 9), (1.0, -273.15), (25.4, 0.0)]))
def test_a_number_is_finite_and_within_its_bounds_or_none(value: Any, conversion: tuple[float, float]) -> None:
    """For any JSON value the result is None or a finite float within the bounds."""
    result = parse_number(value, (-100, 100), *conversion)
    assert result is None or (type(result) is float and -100 <= result <= 100)


@given(st.integers(-100, 100) | st.floats(-100, 100))
def test_a_number_within_the_bounds_is_kept(value: float) -> None:
    """An int and a float are returned as a float, to nine digits after the point."""
    assert parse_number(value, (-100, 100)) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("value", [*NO_NUMBERS, 10**400, -(10**4000), 1e300, 101, -100.001])
def test_anything_else_is_none(value: Any) -> None:
    """Texts, booleans, containers, NaN, infinity and values out of bounds are None."""
    assert parse_number(value, (-100, 100)) is None


@pytest.mark.parametrize(
    ("value", "conversion", "result"),
    [
        (298.48, (1.0, -273.15), 25.33),
        (41, (5 / 9, -160 / 9), 5.0),
        (36, (1 / 3.6, 0.0), 10.0),
        (0.5, (25.4, 0.0), 12.7),
        (21.100000000000023, (1.0, 0.0), 21.1),
        (1, (1 / 3, 0.0), 0.333333333),
    ],
)
def test_conversion_rounds(value: float, conversion: tuple[float, float], result: float) -> None:
    """298.48 K are 25.33 °C and not 25.330000000000041 °C."""
    assert parse_number(value, (-100, 100), *conversion) == result


@pytest.mark.parametrize("value", [-0.0, -1e-12, 0, 0.0])
def test_zero_has_no_sign(value: float) -> None:
    """Minus zero, which Open-Meteo sends, is zero."""
    result = parse_number(value, (-1, 1))
    assert result == 0
    assert math.copysign(1, result) == 1


@pytest.mark.parametrize("value", [*NO_NUMBERS, "cold\nvery"])
def test_no_temperature(value: Any) -> None:
    """A value that is not a number is not quoted in the reason."""
    with pytest.raises(
        ProviderError, match=r"^the response has (no|an impossible) temperature( \(-?(inf|nan)\))?$"
    ) as caught:
        parse_temperature(value)
    assert caught.value.failure is Failure.EMPTY


@pytest.mark.parametrize("value", [70.1, -100.1, 9999, 10**4000])
def test_impossible_temperature(value: float) -> None:
    """A temperature that is impossible on Earth is rejected; the reason has the number, shortened."""
    with pytest.raises(ProviderError, match=r"^the response has an impossible temperature \([-0-9.]{1,20}\)$"):
        parse_temperature(value)


@pytest.mark.parametrize(
    ("posix", "time"),
    [
        (1785573885, datetime(2026, 8, 1, 8, 44, 45, tzinfo=UTC)),
        (1785573885.5, datetime(2026, 8, 1, 8, 44, 45, 500000, tzinfo=UTC)),
        (946684800, datetime(2000, 1, 1, tzinfo=UTC)),
        (4102444800, datetime(2100, 1, 1, tzinfo=UTC)),  # because our own clock may be wrong
    ],
)
def test_a_posix_time_is_utc(posix: float, time: datetime) -> None:
    """A POSIX time is returned as an aware time in UTC, in the past or the future."""
    assert parse_posix_time(posix) == time
    assert parse_posix_time(posix).tzinfo is UTC


@pytest.mark.parametrize("posix", [*NO_NUMBERS, 0, -1, 1785573885000, 946684799, 7258118401, 10**400])
def test_an_impossible_time_is_rejected(posix: Any) -> None:
    """Zero, milliseconds and anything but a number are a ProviderError."""
    with pytest.raises(ProviderError, match=r"^the response has no valid time of observation$") as caught:
        parse_posix_time(posix)
    assert caught.value.failure is Failure.EMPTY


@given(JSON)
def test_a_text_is_one_printable_line(value: Any) -> None:
    """For any JSON value the text is printable, one line, at most 200 characters, and without space at either end."""
    result = clean_text(value)
    assert result.isprintable()
    assert result == result.strip()
    assert "  " not in result
    assert len(result) <= 200


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("scattered clouds", "scattered clouds"),
        ("ясно", "ясно"),
        ("céu limpo", "céu limpo"),
        ("  light\nrain\r\n\tand   mist ", "light rain and mist"),
        ("red \x1b[31malert\x07", "red [31malert"),
        ("\u202edraw\u2028backwards\ud800", "draw backwards"),
        ("x" * 5000, "x" * 200),
        ("x" * 199 + " y", "x" * 199),
        ("\x00" * 10, ""),
        (None, ""),
        (7, ""),
        (["fog"], ""),
    ],
)
def test_texts(value: Any, result: str) -> None:
    """Other scripts remain; line ends, control characters and surrogates do not."""
    assert clean_text(value) == result


@pytest.mark.parametrize(
    ("value", "result"),
    [(3, 3), (3.0, 3), (-7, -7), (3.5, None), (True, None), ("3", None), (1e300, None), (None, None)],
)
def test_integers(value: Any, result: int | None) -> None:
    """3 and 3.0 are integers; anything else is None."""
    assert parse_integer(value) == result
    assert result is None or type(parse_integer(value)) is int


@given(JSON)
def test_mapping(value: Any) -> None:
    """An object is returned unchanged; anything else is an empty one."""
    assert as_mapping(value) == (value if isinstance(value, dict) else {})
