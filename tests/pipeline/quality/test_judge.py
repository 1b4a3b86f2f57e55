"""The tests of one observation: range, step and consistency."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import observation
from tests.support.virtual_time import EPOCH
from weatherd.config.sections.quality import QualitySection
from weatherd.pipeline.quality.judge import find_suspicions, make_plausibility_test
from weatherd.pipeline.quality.suspicion import format_quality

LIMITS = QualitySection()
_NUMBER = st.one_of(st.none(), st.floats(-200, 1200), st.sampled_from([0.0, 57.0, 75.0, 104.0, 305.0, 870.0]))
_VALUES = st.fixed_dictionaries(
    {
        "temperature": st.one_of(st.floats(-100, 70), st.sampled_from([-90.0, 57.0, 57.1])),
        **dict.fromkeys(("relative_humidity", "pressure_msl", "wind_speed", "wind_gust", "precipitation"), _NUMBER),
    }
)


def judge(before: dict[str, Any], minutes: float = 10, **values: Any) -> str:
    """Return the quality of an observation *minutes* after one with the values *before*."""
    later = observation(observed_at=EPOCH + timedelta(minutes=minutes), **values)
    return format_quality(find_suspicions(later, observation(**before), LIMITS))


@pytest.mark.parametrize(
    ("values", "quality"),
    [
        ({"temperature": 57.1}, "suspect: temperature range"),
        ({"temperature": -90.5}, "suspect: temperature range"),
        ({"relative_humidity": 105.0}, "suspect: relative_humidity range"),
        ({"relative_humidity": 103.0}, "ok"),
        ({"pressure_msl": 860.0}, "suspect: pressure_msl range"),
        ({"wind_speed": 80.0}, "suspect: wind_speed range"),
        ({"wind_gust": 115.0}, "suspect: wind_gust range"),
        ({"precipitation": 306.0}, "suspect: precipitation range"),
        ({"wind_speed": 9.0, "wind_gust": 6.9}, "suspect: wind_gust consistency"),
        ({"wind_speed": 9.0, "wind_gust": 7.0}, "ok"),
        (
            {"temperature": 60.0, "wind_speed": 9.0, "wind_gust": 1.0},
            "suspect: temperature range, wind_gust consistency",
        ),
    ],
)
def test_one_observation(values: dict[str, Any], quality: str) -> None:
    """A value out of its range, and a gust below the wind, are suspect, without any observation before."""
    alone = observation(**values)
    assert format_quality(find_suspicions(alone, alone, LIMITS)) == quality


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [("temperature", 6.0, 21.1), ("pressure_msl", 1013.0, 987.9), ("wind_speed", 4.0, 34.1)],
)
def test_steps(field: str, before: float, after: float) -> None:
    """A large change within an hour is suspect, in both directions; after a longer time it is not."""
    suspect = f"suspect: {field} step"
    assert judge({field: before}, **{field: after}) == suspect
    assert judge({field: after}, **{field: before}) == suspect
    assert judge({field: before}, 60, **{field: after}) == suspect
    assert judge({field: before}, 0, **{field: after}) == suspect  # a revision
    assert judge({field: before}, -10, **{field: after}) == suspect  # a late observation
    assert judge({field: before}, 61, **{field: after}) == "ok"
    assert judge({field: before}, **{field: before}) == "ok"


def test_disabled_tests() -> None:
    """A limit that is null turns its test off."""
    limits = QualitySection.model_validate(
        {
            "temperature": {"low": None, "high": None, "step": None},
            "wind_gust": {"high": None, "consistency": None},
        }
    )
    odd = observation(temperature=-99.0, wind_speed=50.0, wind_gust=140.0)
    assert list(find_suspicions(odd._replace(wind_gust=0.0), observation(temperature=69.0), limits)) == []
    assert list(find_suspicions(odd, observation(temperature=69.0), limits)) == []
    assert make_plausibility_test(limits)(odd, observation(temperature=69.0))


@given(_VALUES, _VALUES)
def test_the_fast_test_agrees(values: dict[str, Any], before: dict[str, Any]) -> None:
    """The function that is called for each observation is true if and only if nothing is suspect within an hour."""
    reference = observation(**before)
    later = observation(observed_at=EPOCH + timedelta(minutes=15), **values)
    is_suspect = any(True for _ in find_suspicions(later, reference, LIMITS))
    assert make_plausibility_test(LIMITS)(later, reference) is not is_suspect
