"""What a list costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.city import City
from weatherd.quota import FREE, WINDOWS, costs


def city(interval: float, *providers: str) -> City:
    """Return a city that is asked for at that interval."""
    return City(name="Kiel", lat=54.3, lon=10.1, interval=interval, providers=providers)


def test_a_city_is_one_call_an_interval_of_its_first_provider() -> None:
    """The calls of each window are counted for the first provider alone, against its limits."""
    found = costs([city(600.0, "open-meteo", "openweathermap"), city(60.0, "open-meteo")], FREE)
    assert [(cost.provider, cost.window, cost.calls, cost.limit) for cost in found] == [
        ("open-meteo", "minute", 1.1, 600),
        ("open-meteo", "hour", 66.0, 5000),
        ("open-meteo", "day", 1584.0, 10_000),
        ("open-meteo", "month", 49_104.0, 300_000),
    ]


def test_a_window_without_a_limit_fits_whatever_it_costs() -> None:
    """OpenWeatherMap limits the minute and the month only; a provider that nobody knows is not limited at all."""
    known = costs([city(1.0, "openweathermap")], FREE)
    assert {cost.window: cost.fits for cost in known} == {"minute": True, "hour": True, "day": True, "month": False}
    assert all(cost.fits and cost.limit is None for cost in costs([city(1.0, "other")], FREE))


@pytest.mark.parametrize(("count", "fits"), [(69, True), (70, False)])
def test_a_plan_is_full_at_its_limit(count: int, fits: bool) -> None:  # noqa: FBT001
    """69 cities each ten minutes are 9,936 calls a day, and 70 are 10,080: too many."""
    days = [cost for cost in costs([city(600.0, "open-meteo")] * count, FREE) if cost.window == "day"]
    assert [cost.fits for cost in days] == [fits]


def test_exactly_the_limit_fits() -> None:
    """The noise of adding many small numbers does not turn a full plan into an overdrawn one."""
    found = costs([city(86_400.0, "open-meteo")] * 10_000, FREE)
    assert next(cost for cost in found if cost.window == "day").fits


def test_nothing_costs_nothing() -> None:
    """No city, no line."""
    assert costs([], FREE) == []


@given(st.lists(st.tuples(st.floats(1, 1e6), st.sampled_from(["a", "b"])), max_size=30))
def test_costs_are_linear(plan: list[tuple[float, str]]) -> None:
    """A list costs the sum of its cities, provider by provider, and each provider has every window once."""
    cities = [city(interval, provider) for interval, provider in plan]
    found = {(cost.provider, cost.window): cost.calls for cost in costs(cities, {})}
    assert len(found) == len({provider for _, provider in plan}) * len(WINDOWS)
    for (provider, window), calls in found.items():
        alone = sum(WINDOWS[window] / interval for interval, its in plan if its == provider)
        assert calls == pytest.approx(alone, abs=0.001)
