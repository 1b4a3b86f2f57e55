"""The quality of observations of the past."""

from __future__ import annotations

from datetime import timedelta

from tests.support.fakes import observation
from tests.support.virtual_time import EPOCH
from weatherd.config.sections.quality import QualitySection
from weatherd.pipeline.quality.past_rows import judge_past

QUARTER = timedelta(minutes=15)


def test_past_observations_are_judged_by_the_one_before() -> None:
    """A spike is a step, and the value after it none; values out of range and gusts below the wind are suspect."""
    temperatures = [5.0, 5.5, 45.0, 6.0, -99.0]
    rows = [
        observation(temperature=celsius, observed_at=EPOCH + number * QUARTER, wind_speed=4.0, wind_gust=6.0)
        for number, celsius in enumerate(temperatures)
    ]
    rows.append(observation(observed_at=EPOCH + timedelta(days=1), temperature=30.0, wind_speed=9.0, wind_gust=1.0))
    assert [row.quality for row in judge_past(rows, QualitySection())] == [
        "ok",
        "ok",
        "suspect: temperature step",
        "ok",
        "suspect: temperature range, temperature step",
        "suspect: wind_gust consistency",
    ]


def test_an_impossible_value_is_not_compared_with() -> None:
    """The value after one out of range is compared with the one before it."""
    temperatures = [5.0, 60.0, 6.0]
    rows = [
        observation(temperature=celsius, observed_at=EPOCH + number * timedelta(minutes=50))
        for number, celsius in enumerate(temperatures)
    ]
    limits = QualitySection.model_validate({"temperature": {"step": 54.5}})
    found = [row.quality for row in judge_past([rows[1], rows[2]], QualitySection())]
    assert found == ["suspect: temperature range", "ok"]
    assert [row.quality for row in judge_past(rows, limits)][2] == "ok"


def test_a_broken_sensor_hides_no_steps_of_the_others() -> None:
    """Gusts are out of range for hours; a spike of the temperature is found all the same."""
    temperatures = [5.0] * 12 + [45.0, 5.0]
    rows = [
        observation(temperature=celsius, observed_at=EPOCH + number * QUARTER, wind_speed=4.0, wind_gust=200.0)
        for number, celsius in enumerate(temperatures)
    ]
    found = [row.quality for row in judge_past(rows, QualitySection())]
    assert found == ["suspect: wind_gust range"] * 12 + [
        "suspect: wind_gust range, temperature step",
        "suspect: wind_gust range",
    ]


def test_a_providers_own_judgement_stays() -> None:
    """A plug-in may know of doubts that weatherd does not have."""
    own = observation(quality="suspect: visibility range")
    assert [*judge_past([own], QualitySection())] == [own]


def test_sources_are_judged_apart() -> None:
    """Two stations, services or cities may differ as much as they like."""
    cold, warm = observation(temperature=-5.0), observation(temperature=25.0, observed_at=EPOCH + QUARTER)
    for other in (warm._replace(station="other"), warm._replace(provider="other"), warm._replace(city="other")):
        assert [row.quality for row in judge_past([cold, other], QualitySection())] == ["ok", "ok"]
