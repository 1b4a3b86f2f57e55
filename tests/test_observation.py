"""Observations: repeats, order and validity."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from tests.support.fakes import observation
from tests.support.virtual_time import EPOCH
from weatherd.observation import FIELDS, find_suspect_fields

OTHER: dict[str, Any] = {
    "city": "berlin",
    "provider": "another",
    "observed_at": EPOCH + timedelta(minutes=10),
    "temperature": 6.1,
    "description": "rain",
    "code": 63,
    "station": "10046",
    **dict.fromkeys(FIELDS[8:-2], 5.0),
}


def test_equal_values_are_a_repeat() -> None:
    """Only the time of the fetch may differ, and what weatherd itself says of the observation."""
    assert observation().repeats(observation(fetched_at=EPOCH + timedelta(days=1)))
    assert observation().repeats(observation(origin="import", quality="suspect: temperature step"))


@pytest.mark.parametrize("name", OTHER)
def test_any_new_value_is_not_a_repeat(name: str) -> None:
    """If a single value differs, the observation is not a repeat."""
    other = observation()._replace(**{name: OTHER[name]})
    assert not observation().repeats(other)
    assert not other.repeats(observation())


@pytest.mark.parametrize("name", FIELDS)
def test_an_observation_is_a_value(name: str) -> None:
    """It is immutable, and equal to another one with the same values."""
    with pytest.raises(AttributeError):
        setattr(observation(), name, None)
    assert observation() == observation()
    assert hash(observation()) == hash(observation())


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("observed_at", EPOCH.replace(tzinfo=None), "must be timezone-aware"),
        ("fetched_at", "2026-01-01", "must be a datetime"),
        ("temperature", None, "must not be None"),
        ("temperature", math.nan, "must be a finite number or None"),
        ("code", "61", "must be a finite number or None"),
        ("visibility", math.inf, "must be a finite number or None"),
        ("description", "", "must not be empty"),
        ("description", "rain\nsnow", "must be one line of printable text"),
        ("station", None, "must be one line of printable text"),
        ("origin", "elsewhere", "must be one of live, backfill, import"),
        ("quality", "suspect: a\nb", "must be one line of printable text"),
        ("quality", "good", "must be 'ok' or begin with 'suspect: '"),
    ],
)
def test_an_invalid_field_is_named_with_its_rule(name: str, value: Any, rule: str) -> None:
    """The problem names the field and the rule; a valid observation has no problem."""
    assert observation().find_problem() is None
    assert observation()._replace(**{name: value}).find_problem() == f"field {name!r} is invalid: {rule}"


@pytest.mark.parametrize("name", FIELDS[4:])
def test_every_field_is_checked(name: str) -> None:
    """No field accepts every value."""
    nonsense: Any = {name: b""}
    assert observation()._replace(**nonsense).find_problem() is not None


@pytest.mark.parametrize(
    ("quality", "fields"),
    [
        ("ok", set()),
        ("suspect: temperature step", {"temperature"}),
        ("suspect: temperature range, temperature step, wind_gust consistency", {"temperature", "wind_gust"}),
        ("suspect: city range, nonsense", set()),
    ],
)
def test_suspect_fields(quality: str, fields: set[str]) -> None:
    """A quality names fields that are numbers; only their values are left out."""
    assert find_suspect_fields(quality) == fields
    values: dict[str, Any] = {"quality": quality, "wind_gust": 9.0, "pressure_msl": 1010.0}
    assert observation(**values).without_suspect() == observation(**values | dict.fromkeys(fields))
