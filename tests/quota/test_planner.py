"""The planner: a list that exceeds its plan is stretched until it fits, and that is logged once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.daemon import make_planner
from tests.support.fakes import KIEL
from weatherd.quota.planner import RETRY_RESERVE, Planner
from weatherd.quota.plans import PLANS, UNLIMITED, WINDOW_SECONDS, Plan

if TYPE_CHECKING:
    from weatherd.city import City

FREE = {provider: plans["free"] for provider, plans in PLANS.items()}
STRETCHED, FITS = ("quota.stretched", "warning"), ("quota.fits", "info")


def cities(count: int, interval: float = 600.0, *providers: str) -> list[City]:
    """Return *count* cities."""
    one = replace(KIEL, interval=interval, providers=providers or ("open-meteo",))
    return [replace(one, id=f"city-{number}") for number in range(count)]


class PlannerUnderTest:
    """A planner that records the planned rates and returns what it logs."""

    def __init__(self, plans: dict[str, Plan] | None = None) -> None:
        self.rates: dict[str, float] = {}
        self.cities: list[City] = []
        self.planner = Planner(FREE if plans is None else plans, self.rates.__setitem__)

    def update(self, *lists: list[City]) -> list[tuple[str, str]]:
        """Replace the list, and return the logged events with their levels."""
        return [(log["event"], log["log_level"]) for log in self.logs(*lists)]

    def logs(self, *lists: list[City]) -> list[Any]:
        """Replace the list, and return the log."""
        before, self.cities = self.cities, [city for cities in lists for city in cities]
        with capture_logs() as logs:
            self.planner.update(self.cities, before)
        return list(logs)


def test_a_list_that_fits_is_not_stretched() -> None:
    """69 cities every ten minutes fit Open-Meteo's free plan: every city keeps its interval, and nothing is logged."""
    tested = PlannerUnderTest()
    assert tested.update(cities(60), cities(9, 600.0)) == []
    assert {tested.planner.interval(city) for city in cities(60)} == {600.0}
    assert tested.rates == pytest.approx({"open-meteo": 69 / 600})
    assert tested.planner.calls_per_day() == {"open-meteo": 69 * 144}


def test_a_list_that_exceeds_the_plan_is_stretched() -> None:
    """300 cities every ten minutes are 43,200 calls a day of 10,000: each interval becomes 4.4 times as long."""
    tested = PlannerUnderTest()
    (line,) = tested.logs(cities(300))
    factor = 4.32 * RETRY_RESERVE
    assert [tested.planner.interval(city) for city in cities(300)] == pytest.approx([600 * factor] * 300)
    assert tested.rates == pytest.approx({"open-meteo": 0.5 / factor})
    assert tested.planner.calls_per_day() == {"open-meteo": round(10_000 / RETRY_RESERVE)}
    assert (line["event"], line["log_level"], line["provider"]) == ("quota.stretched", "warning", "open-meteo")
    assert (line["cities"], line["window"], line["calls"], line["limit"]) == (300, "day", 43_200, 10_000)
    assert (line["interval"], line["stretched"]) == (600, pytest.approx(600 * factor, abs=1e-3))
    assert line["action"]


def test_only_a_change_is_logged() -> None:
    """Another stretch factor, and the end of the stretching, are logged once each; the same list again is not."""
    tested = PlannerUnderTest()
    steps = [cities(10), cities(300), cities(300), cities(300, 600.0), cities(400), cities(10), cities(10)]
    assert [tested.update(step) for step in steps] == [[], [STRETCHED], [], [], [STRETCHED], [FITS], []]


def test_a_stretched_provider_without_cities_fits() -> None:
    """When its cities move to another provider, or are all removed, quota.fits is logged once."""
    tested = PlannerUnderTest()
    assert tested.update(cities(300)) == [STRETCHED]
    assert tested.update(cities(10, 600.0, "openweathermap", "open-meteo")) == [FITS]
    assert tested.update(cities(300)) == [STRETCHED]
    assert tested.update([]) == [FITS]
    assert tested.update([]) == []
    assert tested.planner.calls_per_day() == {}


def test_providers_are_stretched_independently() -> None:
    """Only the cities whose first provider exceeds its plan get longer intervals."""
    tested = PlannerUnderTest()
    many, few = cities(300), cities(10, 600.0, "openweathermap", "open-meteo")
    assert tested.update(many, few) == [STRETCHED]
    assert tested.planner.interval(many[0]) > 2000
    assert tested.planner.interval(few[0]) == 600
    assert set(tested.rates) == {"open-meteo", "openweathermap"}


def test_intervals_keep_their_proportions() -> None:
    """A city with a third of the interval is polled three times as often, also when all are stretched."""
    tested = PlannerUnderTest()
    often, seldom = cities(300, 300.0), cities(300, 900.0)
    tested.update(often, seldom)
    assert tested.planner.interval(seldom[0]) == pytest.approx(3 * tested.planner.interval(often[0]))


def test_official_warnings_are_reserved() -> None:
    """Weather gets what they leave of the plan; less for them is logged as a change, and the same again is not."""
    tested = PlannerUnderTest()
    many = cities(600, 300.0, "nws")
    assert tested.update(many) == []
    with capture_logs() as logs:
        tested.planner.reserve("nws", 0.5)
        tested.planner.reserve("nws", 0.5)
    assert [(line["event"], line["calls"]) for line in logs] == [("quota.stretched", 2.5)]
    assert tested.planner.interval(many[0]) == pytest.approx(400 * RETRY_RESERVE)
    assert tested.rates["nws"] == pytest.approx(1.5 / RETRY_RESERVE)
    with capture_logs() as logs:
        tested.planner.reserve("nws", 0.0)
    assert [line["event"] for line in logs] == ["quota.fits"]


@pytest.mark.parametrize(
    ("count", "interval", "plan"),
    [(180, 1800.0, Plan(rate=0.1)), (10_000, 86_400.0, Plan({"day": 10_000})), (30, 3.0, Plan({"minute": 600}))],
)
def test_exactly_the_limit_fits(count: int, interval: float, plan: Plan) -> None:
    """Rounding errors of adding many small rates do not make a full plan an exceeded one."""
    tested = PlannerUnderTest({"open-meteo": plan})
    assert tested.update(cities(count, interval)) == []
    assert tested.planner.interval(cities(1, interval)[0]) == interval


def test_the_minimum_interval_of_a_plan_is_respected() -> None:
    """MET Norway's forecasts are valid for half an hour: a shorter interval costs no more calls."""
    tested = PlannerUnderTest({"met-norway": Plan(rate=0.1, burst=1, min_interval=1800)})
    assert tested.update(cities(179, 60.0, "met-norway")) == []
    assert tested.planner.interval(cities(1, 60.0, "met-norway")[0]) == 60
    (line,) = tested.logs(cities(360, 60.0, "met-norway"))
    assert tested.planner.interval(cities(1, 60.0, "met-norway")[0]) == pytest.approx(3600 * RETRY_RESERVE)
    assert (line["window"], line["limit"]) == ("second", None)


def test_a_planner_without_plans_changes_nothing() -> None:
    """An unknown provider is not limited, and a planner works without rate limiters."""
    planner = make_planner()
    with capture_logs() as logs:
        planner.update(cities(10_000, 1.0, "other"))
    assert (planner.interval(cities(1, 1.0, "other")[0]), logs) == (1.0, [])
    assert planner.calls_per_day() == {"other": 864_000_000}


def test_a_city_that_is_not_in_the_list_has_its_own_interval() -> None:
    """A city that is not in the list is polled at its own interval."""
    assert PlannerUnderTest().planner.interval(KIEL) == KIEL.interval


lists = st.lists(
    st.tuples(st.integers(1, 500), st.floats(1, 86_400), st.sampled_from([*FREE, "other"])), max_size=6
).map(lambda parts: [city for count, interval, provider in parts for city in cities(count, interval, provider)])


@given(lists)
def test_every_list_fits_after_stretching(listed: list[City]) -> None:
    """With the planner's intervals no window of any plan is exceeded, and no city is polled more often than set."""
    tested = PlannerUnderTest()
    tested.update(listed)
    for provider in {city.providers[0] for city in listed}:
        plan = FREE.get(provider, UNLIMITED)
        own = [city for city in listed if city.providers[0] == provider]
        rate = sum(1 / max(tested.planner.interval(city), plan.min_interval) for city in own)
        assert rate <= plan.rate * 1.000001
        assert all(rate * WINDOW_SECONDS[window] <= limit * 1.000001 for window, limit in plan.limits.items())
        assert tested.rates[provider] == pytest.approx(rate)
        assert tested.planner.calls_per_day()[provider] == pytest.approx(rate * 86_400, abs=1)
    assert all(tested.planner.interval(city) >= city.interval for city in listed)


@given(st.lists(lists, max_size=5))
def test_stretched_and_fits_alternate_in_the_log(changes: list[list[City]]) -> None:
    """Whatever lists follow one another: quota.fits follows quota.stretched, once."""
    tested, stretched = PlannerUnderTest(), set[str]()
    for listed in changes:
        for line in tested.logs(listed):
            if line["event"] == "quota.fits":
                stretched.remove(line["provider"])
            stretched |= {line["provider"]} if line["event"] == "quota.stretched" else set()
        assert stretched == {city.providers[0] for city in listed if tested.planner.interval(city) > city.interval}


_LISTS = st.lists(st.tuples(st.sampled_from([60.0, 600.0, 3600.0]), st.sampled_from(["open-meteo", "nws"])), max_size=9)


@given(st.lists(_LISTS, max_size=5))
def test_updates_by_difference_add_up(lists: list[list[tuple[float, str]]]) -> None:
    """After any sequence of lists, the planner plans as a new one does for the last of them."""
    tested, fresh = PlannerUnderTest(), PlannerUnderTest()
    for rows in [*lists, lists[-1] if lists else []]:
        tested.update([city for interval, provider in rows for city in cities(40, interval, provider)])
    fresh.update(tested.cities)
    assert tested.planner.calls_per_day() == fresh.planner.calls_per_day()
    assert tested.rates | fresh.rates == tested.rates
