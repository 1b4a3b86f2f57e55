"""The polls that bring nothing new."""

from __future__ import annotations

import pytest

from weatherd.city import City
from weatherd.quota.load import group_cities
from weatherd.quota.plans import PLANS
from weatherd.quota.repeats import sum_repeats
from weatherd.text.auto_interval import AutoInterval, parse_interval

FREE = {name: plans["free"] for name, plans in PLANS.items()}


def cities(count: int, interval: float, provider: str = "open-meteo") -> list[City]:
    """Return cities with this interval and provider."""
    return [
        City(name=f"{provider} {interval} {n}", lat=n, lon=0, interval=interval, providers=(provider,))
        for n in range(count)
    ]


def test_a_third_of_the_polls_every_ten_minutes_is_in_vain() -> None:
    """Open-Meteo has 96 values a day: of 144 polls 48 bring nothing new."""
    repeats = sum_repeats(group_cities(cities(10, 600.0)), FREE, {})["open-meteo"]
    assert [repeats.share, repeats.calls] == pytest.approx([1 / 3, 480])
    assert str(repeats) == (
        "33% of its polls bring nothing new, because it has a new value every 15m; "
        "interval: auto would save 480 calls per day"
    )


def test_only_fixed_and_short_intervals_count() -> None:
    """Neither auto nor an interval above the distance of the values, nor a plug-in, has repeats."""
    auto = parse_interval("auto")
    assert isinstance(auto, AutoInterval)
    assert not sum_repeats(group_cities(cities(3, auto.replan(900.0))), FREE, {})
    assert not sum_repeats(group_cities(cities(3, 900.0)), FREE, {})
    assert not sum_repeats(group_cities(cities(3, 60.0, "a-plugin")), FREE, {})
    mixed = [*cities(3, auto.replan(900.0)), *cities(1, 1800.0), *cities(1, 450.0)]
    assert sum_repeats(group_cities(mixed), FREE, {})["open-meteo"].share == pytest.approx(96 / (48 + 192))


def test_a_stretched_interval_counts() -> None:
    """Three hundred cities every ten minutes are polled every 44 minutes, so that each poll brings something new."""
    assert not sum_repeats(group_cities(cities(300, 600.0)), FREE, {"open-meteo": 4.4})
    assert sum_repeats(group_cities(cities(100, 600.0)), FREE, {"open-meteo": 1.25})["open-meteo"].share == (
        pytest.approx(1 / 6)
    )


def test_a_stored_forecast_costs_no_call() -> None:
    """MET Norway is polled every ten minutes from a forecast that is requested every half hour: auto saves half."""
    repeats = sum_repeats(group_cities(cities(1, 600.0, "met-norway")), FREE, {})["met-norway"]
    assert [repeats.share, repeats.calls] == pytest.approx([5 / 6, 24])
