"""How old an observation is."""

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
def test_no_age_is_below_zero(seconds: float) -> None:
    """A service whose clock is ahead of ours gives the weather of now, not of a time to come."""
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
def test_an_observation_is_stale_after_its_providers_time(provider: str, seconds: float) -> None:
    """Up to the budget it is fresh, and from then on too old to be shown as the weather."""
    seen = observation(provider=provider)
    assert BUILT_IN_BUDGETS.of_provider(provider) == seconds
    assert not BUILT_IN_BUDGETS.is_stale(seen, NOW + seconds)
    assert BUILT_IN_BUDGETS.is_stale(seen, NOW + seconds + 0.001)
    assert not BUILT_IN_BUDGETS.is_stale(seen, NOW - 1e6)


def test_the_age_is_that_of_the_weather_not_of_the_fetching() -> None:
    """An old report is old, however often it is fetched."""
    assert BUILT_IN_BUDGETS.is_stale(observation(fetched_at=EPOCH + timedelta(days=1)), NOW + 86_400)


def test_every_provider_of_ours_has_a_budget_that_a_failed_poll_does_not_break() -> None:
    """It is longer than two of the intervals at which the service renews what it has."""
    assert set(AGE_BUDGETS) == set(PLANS)
    slowest = {name: max(3600.0, *(plan.min_interval for plan in plans.values())) for name, plans in PLANS.items()}
    assert all(AGE_BUDGETS[name] >= 2 * seconds for name, seconds in slowest.items())
