"""Tables of numbers, parsed value by value and with types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.json import Decoder

from tests.support.virtual_time import EPOCH
from weatherd.errors import ProviderError
from weatherd.observation import FIELDS, Observation
from weatherd.providers.kit.numbers import BOUNDS, FAHRENHEIT, KNOTS, Number, NumberTable
from weatherd.providers.kit.typed_numbers import TypedNumbers
from weatherd.providers.typed_values import decode_usual

TABLE = NumberTable(
    Number("temperature", "main.temp"),
    Number("pressure_msl", "main.sea_level"),
    Number("pressure_msl", "main.pressure"),
    Number("wind_speed", "speed", KNOTS),
    Number("visibility", "visibility"),
)
TYPED = TypedNumbers(TABLE, {"main.humidity": (int, 0), "time": (float, 0.0)})
NAMED = NumberTable(
    Number("temperature", "t", {"°F": FAHRENHEIT}), Number("apparent_temperature", "a", {"°F": FAHRENHEIT}, "t")
)
ANYTHING: Any = (
    st.none() | st.booleans() | st.integers(-2000, 2000) | st.floats(-2e6, 2e6) | st.sampled_from(["1", [], {}])
)
RECORDS: Any = st.fixed_dictionaries(
    {},
    optional={
        "main": st.fixed_dictionaries(
            {"temp": ANYTHING},
            optional={"sea_level": ANYTHING, "pressure": st.integers(700, 1200), "humidity": ANYTHING},
        ),
        "speed": ANYTHING,
        "visibility": ANYTHING,
    },
)


def convert(record: Any) -> list[Any]:
    """Return the numbers of a decoded record; all other values are passed on, or have their defaults."""
    found = Observation._make(TYPED.convert(record, "kiel", "x", EPOCH, EPOCH, "fog", 45, "S1"))
    assert found[:4] == ("kiel", "x", EPOCH, EPOCH)
    assert (found.description, found.code, found.station, found.origin, found.quality) == (
        "fog",
        45,
        "S1",
        "live",
        "ok",
    )
    return [getattr(found, field) for field in BOUNDS]


def test_the_bounds_are_those_of_all_numbers_of_an_observation() -> None:
    """The order is that of the fields, so that numbers in this order can be passed to an observation."""
    assert [field for field in FIELDS if field in BOUNDS] == list(BOUNDS)
    assert list(BOUNDS)[1:] == list(FIELDS[FIELDS.index("station") + 1 : FIELDS.index("origin")])


def test_the_first_valid_row_counts() -> None:
    """A number with two rows has the second one's if the first one's is missing, impossible or no number."""
    for sea_level in (None, 5, "1000", True):
        record = {"main": {"temp": 1, "sea_level": sea_level, "pressure": 990}}
        assert TABLE.parse(record)["pressure_msl"] == 990.0
    assert TABLE.parse({"main": {"temp": 1, "sea_level": 1000, "pressure": 990}})["pressure_msl"] == 1000.0


def test_a_unit_is_constant_or_named_by_the_record() -> None:
    """A named unit is converted, also that of another path; an unknown name is weatherd's own unit."""
    assert TABLE.parse({"main": {"temp": 1}, "speed": 36})["wind_speed"] == 18.52
    assert NAMED.parse({"t": 14, "a": 32}, {"t": "°F"}) == {"temperature": -10.0, "apparent_temperature": 0.0}
    assert NAMED.parse({"t": 14, "a": 32}, {"t": "°X", "a": "°F"}) == {
        "temperature": 14.0,
        "apparent_temperature": 32.0,
    }


@pytest.mark.parametrize("record", [{}, {"main": 5}, {"main": {"temp": None}}, {"main": {"temp": 71}}])
def test_a_temperature_is_required(record: Any) -> None:
    """A record without a possible temperature has no weather."""
    with pytest.raises(ProviderError, match="temperature"):
        TABLE.parse(record)


@given(RECORDS)
def test_typed_numbers_are_those_of_the_table(record: Any) -> None:
    """A record that decodes has the same numbers either way; a type that differs does not decode."""
    found = decode_usual(Decoder(TYPED.type), json.dumps(record).encode())
    if found is None:
        return
    numbers = dict(zip(BOUNDS, convert(found), strict=True))
    if numbers["temperature"] is None:
        with pytest.raises(ProviderError):
            TABLE.parse(record)
    else:
        assert {field: number for field, number in numbers.items() if field in TABLE.parse(record)} == TABLE.parse(
            record
        )
        assert {type(number) for number in numbers.values()} <= {float, type(None)}


def test_the_usual_form_decodes() -> None:
    """Numbers that the table does not have are None; objects whose members are all optional may be missing."""
    found = decode_usual(Decoder(TYPED.type), b'{"main": {"temp": 1, "pressure": 990}, "more": [1], "speed": 36}')
    assert convert(found) == [1.0, None, None, 990.0, 18.52, None, None, None, None, None]
    assert decode_usual(Decoder(TYPED.type), b'{"main": {"temp": "1"}}') is None
    assert convert(decode_usual(Decoder(TYPED.type), b"{}")) == [None] * 10
