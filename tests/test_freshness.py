"""Age and staleness of observations."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import observation
from tests.support.virtual_time import EPOCH
from weatherd.freshness import AGE_BUDGETS, BUILT_IN_BUDGETS, AgeBudgets, age_seconds
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


@given(st.sampled_from(sorted(AGE_BUDGETS)), st.floats(1, 1e7), st.floats(0, 1))
def test_a_healthy_observation_is_fresh_until_the_next_poll(provider: str, interval: float, share: float) -> None:
    """Whatever the interval is, the budget is above it, by the age that a healthy service's observation may have."""
    budgets = AgeBudgets(AGE_BUDGETS, {"kiel": interval}.__getitem__)
    seen = observation(provider=provider)
    budget = budgets.of_city("kiel", provider)
    assert budget >= max(1.5 * interval, AGE_BUDGETS[provider])
    at_fetch = NOW + 0.66 * AGE_BUDGETS[provider]
    assert not budgets.is_stale(seen, at_fetch + share * 1.5 * interval)
    assert budgets.is_stale(seen, NOW + budget + 0.01)


def test_a_short_interval_does_not_change_the_budget() -> None:
    """A budget of two hours holds for intervals up to 26 minutes; 3 hours make it 5 h 50 min."""
    intervals = {"a": 600.0, "b": 1600.0, "c": 10_800.0}
    budgets = AgeBudgets(AGE_BUDGETS, intervals.__getitem__)
    assert [budgets.of_city(city, "open-meteo") for city in intervals] == [7200, 7200, 21_000]


def test_the_age_counts_from_the_observation() -> None:
    """It does not count from the fetch: an old report stays old."""
    assert BUILT_IN_BUDGETS.is_stale(observation(fetched_at=EPOCH + timedelta(days=1)), NOW + 86_400)


def test_every_budget_covers_a_failed_update() -> None:
    """It is longer than two update intervals of the service."""
    assert set(AGE_BUDGETS) == set(PLANS)
    slowest = {name: max(3600.0, *(plan.min_interval for plan in plans.values())) for name, plans in PLANS.items()}
    assert all(AGE_BUDGETS[name] >= 2 * seconds for name, seconds in slowest.items())
