"""The quota plans."""

from __future__ import annotations

import math
import re
from typing import Any

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


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"limits": {"dya": 1}}, "a plan's window is one of second, minute, hour, day, month, not 'dya'"),
        ({"limits": {"day": 0}}, "limits['day'] has to be an integer above 0, not 0"),
        ({"limits": {"day": 0.5}}, "limits['day'] has to be an integer above 0, not 0.5"),
        ({"rate": 0}, "rate has to be a number above 0, not 0"),
        ({"rate": math.nan}, "rate has to be a number above 0, not nan"),
        ({"burst": -1.0}, "burst has to be a number above 0, not -1.0"),
        ({"min_interval": -1}, "min_interval has to be a finite number of seconds, at least 0, not -1"),
        ({"min_interval": math.inf}, "min_interval has to be a finite number of seconds, at least 0, not inf"),
    ],
)
def test_an_invalid_plan_is_rejected(values: Any, text: str) -> None:
    """A plug-in's plan that could never work, or would divide by zero, fails where it is written; the text says why."""
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        Plan(**values)
