"""The test against other services: which of them is wrong, and when nothing can be said."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.fakes import BERLIN, KIEL, observation
from tests.support.virtual_time import EPOCH
from weatherd.config.sections.quality import QualitySection
from weatherd.pipeline.quality.control import QualityControl
from weatherd.pipeline.quality.other_services import find_disagreements

if TYPE_CHECKING:
    from weatherd.observation import Observation

SERVICES = "suspect: temperature services"
LIMITS = QualitySection()
LIMIT = 20.0  # °C
TEMPERATURES = st.integers(-900, 560).map(lambda tenths: tenths / 10)


def report(provider: str, temperature: float, minutes: float = 0, **values: Any) -> Observation:
    """Return what a service reports about Kiel."""
    at = EPOCH + timedelta(minutes=minutes)
    return observation(observed_at=at, fetched_at=at, provider=provider, temperature=temperature, **values)


def judge(temperature: float, *others: Observation, minutes: float = 0, **values: Any) -> str:
    """Return the quality of the first observation of a run, after those of *others*."""
    control = QualityControl(LIMITS)
    for other in others:
        control.others.add(other)
    return control.judge(report("fake", temperature, minutes, **values), None)


@given(st.lists(TEMPERATURES, max_size=5), TEMPERATURES)
def test_only_what_is_far_from_all_others_that_agree_is_suspect(others: list[float], temperature: float) -> None:
    """By the definition: at least two others, within half the limit of each other, each further away than the limit."""
    found = judge(temperature, *(report(f"other {number}", value) for number, value in enumerate(others)))
    is_alone = len(others) > 1 and all(abs(temperature - other) > LIMIT for other in others)
    agree = all(abs(one - other) <= LIMIT / 2 for one in others for other in others)
    assert found == (SERVICES if is_alone and agree else "ok")


@given(st.lists(TEMPERATURES, min_size=3, max_size=3))
def test_at_most_one_of_three_is_suspect(temperatures: list[float]) -> None:
    """Whichever of them is the city's weather, the same one is wrong."""
    reports = [report(f"service {number}", value) for number, value in enumerate(temperatures)]
    found = [one for one in reports if [*find_disagreements(one, [other for other in reports if other != one], LIMITS)]]
    assert len(found) <= 1


def test_one_other_service_is_not_enough() -> None:
    """Either of two may be wrong. The service's own value, polled for comparison, is not another one."""
    assert judge(50.0, report("nws", 10.0)) == "ok"
    assert judge(50.0, report("nws", 10.0), report("fake", 10.0)) == "ok"


@pytest.mark.parametrize(("minutes", "expected"), [(-91, "ok"), (-90, SERVICES), (90, SERVICES), (91, "ok")])
def test_only_the_same_time_is_compared(minutes: float, expected: str) -> None:
    """What the others reported more than 90 minutes earlier or later says nothing."""
    assert judge(50.0, report("nws", 10.0), report("met-norway", 11.0), minutes=minutes) == expected


def test_suspect_values_of_others_do_not_count() -> None:
    """Such as an impossible temperature; their other values do."""
    wrong: dict[str, Any] = {"quality": "suspect: temperature range", "pressure_msl": 1000.0}
    others = report("nws", 10.0, **wrong), report("met-norway", 11.0, pressure_msl=1001.0)
    assert judge(50.0, *others) == "ok"
    assert judge(50.0, *others, pressure_msl=940.0) == "suspect: pressure_msl services"


def test_each_field_has_its_limit() -> None:
    """Fields without a value are not compared; others are, in the order of the table."""
    weather: dict[str, Any] = {"pressure_msl": 1000.0, "wind_speed": 5.0}
    others = report("nws", 10.0, **weather), report("met-norway", 11.0, **weather, wind_gust=8.0)
    strange: dict[str, Any] = {"pressure_msl": 945.0, "wind_speed": 46.0, "wind_gust": 90.0}
    assert judge(10.0, *others, **strange) == "suspect: pressure_msl services, wind_speed services"
    limits = QualitySection.model_validate({"pressure_msl": {"services": None}, "wind_speed": {"services": 41}})
    assert not [*find_disagreements(report("fake", 10.0, **strange), others, limits)]


def test_the_reason_names_the_services() -> None:
    """The log tells what each of the others reports."""
    control = QualityControl(LIMITS)
    control.others.add(report("nws", 10.0))
    control.others.add(report("met-norway", 11.5))
    control.judge(report("fake", 50.0), None)
    with capture_logs() as logs:
        control.log_changes()
    assert logs[0]["reason"] == "temperature 50, but 11.5 of met-norway, 10 of nws"
    assert control.counts["fake", "temperature", "services"] == 1


def test_services_that_stood_in_are_compared() -> None:
    """When a third one stands in for two that have reported within 90 minutes, it is compared with both."""
    control, previous = QualityControl(LIMITS), None
    qualities = []
    for minutes, provider, temperature in [(0, "nws", 10.0), (10, "met-norway", 12.0), (20, "fake", 50.0)]:
        current = report(provider, temperature, minutes)
        qualities.append(control.judge(current, previous))
        previous = current._replace(quality=qualities[-1])
    assert qualities == ["ok", "ok", SERVICES]


def test_a_value_far_from_others_is_no_reference_of_steps() -> None:
    """When the service is right again, that is not a step."""
    control = QualityControl(LIMITS)
    previous = report("fake", 10.0)
    for name in ("nws", "met-norway"):
        control.others.add(report(name, 10.0))
    drifted = [22.0, 31.0, 10.0]
    qualities = []
    for number, temperature in enumerate(drifted, 1):
        current = report("fake", temperature, 20 * number)
        qualities.append(control.judge(current, previous))
        previous = current._replace(quality=qualities[-1])
    assert qualities == ["ok", SERVICES, "ok"]


def test_nothing_is_kept_of_what_is_over() -> None:
    """What the others reported is forgotten after 90 minutes, or with the city."""
    control = QualityControl(LIMITS)
    control.others.add(report("nws", 10.0))
    control.others.add(observation(BERLIN, provider="nws"))
    control.forget([BERLIN.id])
    assert [*control.others.by_city] == [KIEL.id]
    control.judge(report("fake", 10.0, 120), report("fake", 10.0, 110))
    assert not control.others.by_city
