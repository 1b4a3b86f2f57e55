"""What a list costs, and the interval that fits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.city import City
from weatherd.quota.load import provider_loads
from weatherd.quota.plans import PLANS, UNLIMITED, WINDOW_SECONDS, Plan, find_plan

FREE = {provider: plans["free"] for provider, plans in PLANS.items()}


def city(interval: float, *providers: str) -> City:
    """Return a city that is asked for at that interval."""
    return City(name="Kiel", lat=54.3, lon=10.1, interval=interval, providers=providers)


def test_a_city_is_one_call_an_interval_of_its_first_provider() -> None:
    """The calls are counted for the first provider alone."""
    found = provider_loads([city(600.0, "open-meteo", "openweathermap"), city(60.0, "open-meteo")], FREE)
    assert list(found) == ["open-meteo"]
    calls = {window: round(found["open-meteo"].calls_per(window), 6) for window in WINDOW_SECONDS}
    assert calls == {"second": 0.018333, "minute": 1.1, "hour": 66.0, "day": 1584.0, "month": 49_104.0}


@pytest.mark.parametrize(
    ("provider", "minutes", "most"),
    [
        ("open-meteo", 5, 34),
        ("open-meteo", 10, 69),
        ("open-meteo", 15, 104),
        ("open-meteo", 30, 208),
        ("open-meteo", 60, 416),
        ("openweathermap", 10, 224),
        ("openweathermap", 15, 336),
        ("openweathermap", 30, 672),
    ],
)
def test_how_many_cities_a_free_plan_allows(provider: str, minutes: int, most: int) -> None:
    """These are the services' own limits: a day's 10,000 calls bind first, and a month's 1,000,000."""
    fits = [provider_loads([city(minutes * 60.0, provider)] * count, FREE)[provider].fits for count in (most, most + 1)]
    assert fits == [True, False]


def test_exactly_the_limit_fits() -> None:
    """The noise of adding many small numbers does not turn a full plan into an overdrawn one."""
    assert provider_loads([city(86_400.0, "open-meteo")] * 10_000, FREE)["open-meteo"].fits


def test_the_smallest_interval_that_fits() -> None:
    """300 cities on the free plan are asked for every 43 min 12 s: 10,000 calls a day, and not one more."""
    load = provider_loads([city(600.0, "open-meteo")] * 300, FREE)["open-meteo"]
    assert (load.fits, load.fitting_interval, load.tightest_window) == (False, 2592.0, "day")


@given(st.integers(1, 2_000), st.integers(1, 7200), st.sampled_from(sorted(FREE)))
def test_the_smallest_interval_is_the_smallest(count: int, interval: int, provider: str) -> None:
    """A list with the interval that is proposed fits, and with one a second shorter it does not."""
    cities = [city(float(interval), provider)] * count
    load = provider_loads(cities, FREE)[provider]
    fitting = [replace(each, interval=load.fitting_interval) for each in cities]
    assert provider_loads(fitting, FREE)[provider].fits
    if not load.fits:
        shorter = [replace(each, interval=load.fitting_interval - 1) for each in cities]
        assert not provider_loads(shorter, FREE)[provider].fits


def test_an_answer_that_is_good_for_longer_costs_less() -> None:
    """MET Norway is asked every half an hour at the most, however short the interval."""
    assert provider_loads([city(60.0, "met-norway")], FREE)["met-norway"].calls_per("hour") == 2


def test_a_provider_that_nobody_knows_is_not_limited() -> None:
    """Nor is one with a server of one's own."""
    assert provider_loads([city(1.0, "other")] * 1000, FREE)["other"].fits
    assert find_plan("open-meteo", "unlimited") is find_plan("other", "free") is UNLIMITED


def test_nothing_costs_nothing() -> None:
    """No city, no load."""
    assert provider_loads([], FREE) == {}


@pytest.mark.parametrize("each", [plan for plans in PLANS.values() for plan in plans.values()])
def test_the_pace_keeps_within_the_shortest_window(each: Plan) -> None:
    """No minute, wherever it begins, holds more than a plan allows, though a burst comes first."""
    for window in ("second", "minute"):
        if limit := each.limits.get(window):
            assert each.burst + each.rate * WINDOW_SECONDS[window] <= limit


@given(st.lists(st.tuples(st.floats(1, 1e6), st.sampled_from(["a", "b"])), max_size=30))
def test_loads_are_linear(rows: list[tuple[float, str]]) -> None:
    """A list costs the sum of its cities, provider by provider."""
    found = provider_loads([city(interval, provider) for interval, provider in rows], {})
    assert found.keys() == {provider for _, provider in rows}
    for provider, load in found.items():
        alone = sum(86400 / interval for interval, its in rows if its == provider)
        assert load.calls_per("day") == pytest.approx(alone)
