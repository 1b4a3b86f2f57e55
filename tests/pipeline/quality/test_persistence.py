"""The test of persistence: values that stay the same for too long."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import KIEL, new_key_values, observation
from tests.support.virtual_time import EPOCH
from weatherd.config.sections.quality import QualitySection
from weatherd.pipeline.quality.control import QualityControl
from weatherd.pipeline.quality.persistence import CHECKPOINT_HOURS, is_checkpoint
from weatherd.pipeline.quality.saved_watches import format_watches, parse_watches, restore_watch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.observation import Observation

HOUR = timedelta(hours=1)


def make_series(hours: float, minutes: float = 10, **values: Any) -> list[Observation]:
    """Return observations of changing weather, but for the fields in *values*, every *minutes*."""
    series = []
    for number in range(int(hours * 60 / minutes) + 1):
        at = EPOCH + timedelta(minutes=number * minutes)
        odd = number % 7
        changing = {
            "temperature": 6.1 + odd / 10,
            "relative_humidity": 60.0 + odd,
            "pressure_msl": 1010.1 + odd / 10,
            "wind_speed": 3.1 + odd / 10,
            "wind_direction": 100.0 + odd,
            "precipitation": 1.1 + odd / 10,
        }
        series.append(observation(observed_at=at, fetched_at=at, **{**changing, **values}))
    return series


def judge_series(series: Iterable[Observation], control: QualityControl | None = None) -> list[Observation]:
    """Return observations with their qualities, each judged after the one before."""
    control = control or QualityControl(QualitySection())
    judged: list[Observation] = []
    for one in series:
        judged.append(one._replace(quality=control.judge(one, judged[-1] if judged else None)))
    return judged


def find_first(judged: list[Observation], quality: str) -> float | None:
    """Return after how many hours an observation has a quality; None if none has."""
    return next(((one.observed_at - EPOCH) / HOUR for one in judged if one.quality == quality), None)


@pytest.mark.parametrize(
    ("field", "value", "hours"),
    [
        ("temperature", 6.1, 24),
        ("temperature", 6.0, 40),  # whole numbers may stay longer
        ("relative_humidity", 60.5, 48),
        ("pressure_msl", 1010.1, 72),
        ("wind_speed", 3.1, 40),
        ("wind_direction", 100.0, 80),
        ("precipitation", 1.1, 24),
    ],
)
def test_a_frozen_value_is_found(field: str, value: float, hours: float) -> None:
    """It is suspect after its time, at most twelve hours late; the other fields are not."""
    judged = judge_series(make_series(hours + CHECKPOINT_HOURS + 1, **{field: value}))
    found = find_first(judged, f"suspect: {field} persistence")
    assert found is not None
    assert hours <= found <= hours + CHECKPOINT_HOURS
    assert {one.quality for one in judged} == {"ok", f"suspect: {field} persistence"}


@pytest.mark.parametrize(
    "values",
    [
        {"precipitation": 0.0},
        {"precipitation": 0.4},
        {"relative_humidity": 100.0},
        {"relative_humidity": 97.0},
        {"wind_speed": 0.0, "wind_direction": 100.0},
        {"wind_speed": 1.0, "wind_direction": None},
        {"wind_speed": None, "wind_direction": 100.0},
        {"relative_humidity": None, "pressure_msl": None, "precipitation": None},
    ],
)
def test_what_may_stay_the_same(values: dict[str, Any]) -> None:
    """Dry weather, fog, drizzle and calm air last for days, and missing values are none."""
    assert {one.quality for one in judge_series(make_series(120, **values))} == {"ok"}


def test_a_change_ends_it() -> None:
    """The first other value is not suspect, and the time counts anew from it."""
    frozen = make_series(37, temperature=6.1)
    later = [
        one._replace(observed_at=one.observed_at + timedelta(hours=38)) for one in make_series(20, temperature=7.3)
    ]
    judged = judge_series([*frozen, *later])
    assert judged[len(frozen) - 1].quality == "suspect: temperature persistence"
    assert {one.quality for one in judged[len(frozen) :]} == {"ok"}


def test_rare_observations_do_not_show_it() -> None:
    """Equal values more than three hours apart say nothing about the time between them."""
    assert {one.quality for one in judge_series(make_series(200, minutes=181, temperature=6.1))} == {"ok"}
    judged = judge_series(make_series(37, minutes=60, temperature=6.1))
    assert judged[-1].quality == "suspect: temperature persistence"


def test_a_repeat_of_a_station_needs_its_station() -> None:
    """Another station or service begins anew."""
    series = make_series(40, temperature=6.1)
    half = len(series) // 2
    for provider, station in (("fake", "K2"), ("nws", "")):
        changed = [*series[:half], *(one._replace(provider=provider, station=station) for one in series[half:])]
        assert {one.quality for one in judge_series(changed)} == {"ok"}


def test_a_restart_keeps_the_result() -> None:
    """A value that was suspect when the daemon stopped is still suspect after the start, until it changes."""
    series = make_series(37, temperature=6.1)
    judged = judge_series(series[:-3])
    assert judged[-1].quality == "suspect: temperature persistence"
    control = QualityControl(QualitySection())
    assert control.judge(series[-2], judged[-1]) == "suspect: temperature persistence"
    assert control.judge(series[-1]._replace(temperature=6.2), judged[-1]) == "ok"


def test_limits_and_null() -> None:
    """The time is a setting; null turns the test off."""
    limits = QualitySection.model_validate({"temperature": {"persistence": "3h"}})
    found = find_first(
        judge_series(make_series(16, temperature=6.1), QualityControl(limits)), "suspect: temperature persistence"
    )
    assert found is not None
    assert 3 <= found <= 15
    limits = QualitySection.model_validate({"temperature": {"persistence": None}})
    assert {one.quality for one in judge_series(make_series(50, temperature=6.1), QualityControl(limits))} == {"ok"}


def test_each_city_has_a_checkpoint_every_twelve_hours() -> None:
    """Whatever its id; cities are spread over the hours."""
    hours = []
    for number in range(120):
        every = (60, 10, 120, 180)[number % 4]  # minutes
        series = [one._replace(city=f"city-{number}") for one in make_series(24, minutes=every)]
        found = [later.observed_at.hour for one, later in pairwise(series) if is_checkpoint(later, one)]
        assert len(found) == 2
        hours.append(found[0])
    assert len(set(hours)) == CHECKPOINT_HOURS


def test_a_restart_continues_the_watch() -> None:
    """Whatever was saved at the last checkpoint: a sensor is found although the daemon never runs for a whole day."""
    series, store = make_series(60, temperature=6.1), new_key_values()
    control = QualityControl(QualitySection(), store)
    judged: list[Observation] = []
    for number, one in enumerate(series):
        if number % 120 == 0:  # every 20 hours
            control = QualityControl(QualitySection(), store)
        judged.append(one._replace(quality=control.judge(one, judged[-1] if judged else None)))
        control.save_watches({KIEL.id: judged[-1]})
    found = find_first(judged, "suspect: temperature persistence")
    assert found is not None
    assert 24 <= found <= 24 + 2 * CHECKPOINT_HOURS


def test_a_changed_value_is_not_continued() -> None:
    """Only what has lasted for hours is saved; a value that has changed since, or a damaged text, begins anew."""
    watch, later = (EPOCH, None, EPOCH + 7 * HOUR, None, None, None), EPOCH + 12 * HOUR
    seen = observation(temperature=6.1, pressure_msl=1010.0)
    saved = parse_watches(format_watches({KIEL.id: watch, "gone": watch}, {KIEL.id: seen}, later))
    assert saved.keys() == {KIEL.id}
    assert restore_watch(saved[KIEL.id], seen) == (EPOCH, None, None, None, None, None)
    assert restore_watch(saved[KIEL.id], seen._replace(temperature=6.2)) == (None,) * 6
    for damaged in (None, 3, [1], {"temperature": 3}, {"temperature": ["x", 1]}, {"temperature": [1e99, 1]}):
        assert restore_watch(damaged, seen) is None
    for text in (None, "", "{", "[1]", '{"kiel": 3}'):
        store = new_key_values()
        if text is not None:
            store.put("unchanged values", text, EPOCH)
        after = seen._replace(observed_at=EPOCH + timedelta(minutes=10))
        assert QualityControl(QualitySection(), store).judge(after, seen) == "ok"
