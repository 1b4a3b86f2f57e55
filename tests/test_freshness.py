"""Age and staleness of observations."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import observation
from tests.support.virtual_time import EPOCH
from weatherd.freshness import AGE_BUDGETS, BUILT_IN_BUDGETS, age_seconds
from weatherd.quota.plans import PLANS

NOW = EPOCH.timestamp()


@given(st.floats(-1e9, 1e9))
def test_an_age_is_never_negative(seconds: float) -> None:
    """The weather of a service whose clock is ahead has age 0."""
    assert age_seconds(observation(), NOW + seconds) == pytest.approx(max(0.0, seconds), abs=1e-3)


@pytest.mark.parametrize(
    ("provider", "seconds"),
    [
        ("open-meteo", 7200),
        ("openweathermap", 7200),
        ("met-norway", 7200),
        ("nws", 9000),
        ("bright-sky", 10_800),
        ("somebody-elses", 10_800),
    ],
)
def test_an_observation_is_stale_above_its_age_budget(provider: str, seconds: float) -> None:
    """Up to the budget it is fresh."""
    seen = observation(provider=provider)
    assert BUILT_IN_BUDGETS.of_provider(provider) == seconds
    assert not BUILT_IN_BUDGETS.is_stale(seen, NOW + seconds)
    assert BUILT_IN_BUDGETS.is_stale(seen, NOW + seconds + 0.001)
    assert not BUILT_IN_BUDGETS.is_stale(seen, NOW - 1e6)


def test_the_age_counts_from_the_observation() -> None:
    """It does not count from the fetch: an old report stays old."""
    assert BUILT_IN_BUDGETS.is_stale(observation(fetched_at=EPOCH + timedelta(days=1)), NOW + 86_400)


def test_every_budget_covers_a_failed_update() -> None:
    """It is longer than two update intervals of the service."""
    assert set(AGE_BUDGETS) == set(PLANS)
    slowest = {name: max(3600.0, *(plan.min_interval for plan in plans.values())) for name, plans in PLANS.items()}
    assert all(AGE_BUDGETS[name] >= 2 * seconds for name, seconds in slowest.items())
