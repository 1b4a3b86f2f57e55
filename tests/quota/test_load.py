"""The calls that a list needs, and the shortest interval that fits a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.city import City
from weatherd.quota.load import ProviderLoad, group_cities, provider_loads
from weatherd.quota.plans import PLANS, WINDOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weatherd.quota.plans import Plan

FREE = {provider: plans["free"] for provider, plans in PLANS.items()}


def city(interval: float, *providers: str) -> City:
    """Return a city with that interval."""
    return City(name="Kiel", lat=54.3, lon=10.1, interval=interval, providers=providers)


def _find_loads(cities: Iterable[City], plans: Mapping[str, Plan]) -> dict[str, ProviderLoad]:
    return provider_loads(group_cities(cities), plans)


def test_a_city_is_one_call_an_interval_of_its_first_provider() -> None:
    """A city costs its first provider one call an interval, and its other providers none."""
    found = _find_loads([city(600.0, "open-meteo", "openweathermap"), city(60.0, "open-meteo")], FREE)
    assert list(found) == ["open-meteo"]
    calls = {window: round(found["open-meteo"].calls_per(window), 6) for window in WINDOW_SECONDS}
    assert calls == {"second": 0.018333, "minute": 1.1, "hour": 66.0, "day": 1584.0, "month": 49_104.0}


@pytest.mark.parametrize(
    ("provider", "minutes", "limit"),
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
def test_how_many_cities_a_free_plan_allows(provider: str, minutes: int, limit: int) -> None:
    """The tightest limits are those of 10,000 calls a day, and of 1,000,000 a month."""
    fits = [_find_loads([city(minutes * 60.0, provider)] * count, FREE)[provider].fits for count in (limit, limit + 1)]
    assert fits == [True, False]


def test_exactly_the_limit_fits() -> None:
    """Rounding errors of adding many small rates do not make a full plan an exceeded one."""
    assert _find_loads([city(86_400.0, "open-meteo")] * 10_000, FREE)["open-meteo"].fits


def test_the_shortest_interval_that_fits() -> None:
    """300 cities fit the free plan every 43 min 12 s: exactly 10,000 calls a day."""
    load = _find_loads([city(600.0, "open-meteo")] * 300, FREE)["open-meteo"]
    assert (load.fits, load.fitting_interval, load.tightest_window) == (False, 2592.0, "day")


@given(st.integers(1, 2_000), st.integers(1, 7200), st.sampled_from(sorted(FREE)))
def test_no_shorter_interval_fits(count: int, interval: int, provider: str) -> None:
    """The list fits with the returned interval, and does not with one that is a second shorter."""
    cities = [city(float(interval), provider)] * count
    load = _find_loads(cities, FREE)[provider]
    fitting = [replace(city_, interval=load.fitting_interval) for city_ in cities]
    assert _find_loads(fitting, FREE)[provider].fits
    if not load.fits:
        shorter = [replace(city_, interval=load.fitting_interval - 1) for city_ in cities]
        assert not _find_loads(shorter, FREE)[provider].fits


def test_the_minimum_interval_of_a_plan_limits_the_calls() -> None:
    """MET Norway is polled at most every half hour, however short the interval."""
    assert _find_loads([city(60.0, "met-norway")], FREE)["met-norway"].calls_per("hour") == 2


def test_an_unknown_provider_is_not_limited() -> None:
    """Any load fits an unknown provider."""
    assert _find_loads([city(1.0, "other")] * 1000, FREE)["other"].fits


def test_an_empty_list_has_no_load() -> None:
    """An empty list has no load on any provider."""
    assert _find_loads([], FREE) == {}


@given(st.lists(st.tuples(st.floats(1, 1e6), st.sampled_from(["a", "b"])), max_size=30))
def test_loads_are_linear(rows: list[tuple[float, str]]) -> None:
    """The calls of a list are the sum of those of its cities, for each provider."""
    found = _find_loads([city(interval, provider) for interval, provider in rows], {})
    assert found.keys() == {provider for _, provider in rows}
    for provider, load in found.items():
        alone = sum(86400 / interval for interval, its in rows if its == provider)
        assert load.calls_per("day") == pytest.approx(alone)


def test_official_warnings_leave_the_rest_of_the_plan() -> None:
    """600 cities every 5 min need the whole rate of the NWS; with 0.5 requests a second for warnings, 400 s fit."""
    cities = [city(300.0, "nws")] * 600
    assert provider_loads(group_cities(cities), FREE)["nws"].fits
    load = provider_loads(group_cities(cities), FREE, {"nws": 0.5})["nws"]
    assert not load.fits
    assert load.fitting_interval == 400
    assert provider_loads(group_cities([city(400.0, "nws")] * 600), FREE, {"nws": 0.5})["nws"].fits
