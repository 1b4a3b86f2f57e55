"""The quota plans."""

from __future__ import annotations

import pytest

from weatherd.quota.plans import PLANS, UNLIMITED, WINDOW_SECONDS, Plan, find_plan


@pytest.mark.parametrize("plan", [plan for plans in PLANS.values() for plan in plans.values()])
def test_rate_and_burst_keep_within_the_shortest_window(plan: Plan) -> None:
    """No minute, wherever it begins, holds more calls than a plan allows, though a burst comes first."""
    for window in ("second", "minute"):
        if limit := plan.limits.get(window):
            assert plan.burst + plan.rate * WINDOW_SECONDS[window] <= limit


def test_an_unknown_plan_is_unlimited() -> None:
    """An unknown plan, an unknown provider (such as a plug-in) and the user's own server have no limit."""
    assert find_plan("open-meteo", "unlimited") is find_plan("other", "free") is UNLIMITED
