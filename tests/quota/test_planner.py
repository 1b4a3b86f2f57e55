"""The planner: a list that does not fit its plan is stretched until it does, and the log says so once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.fakes import KIEL
from weatherd.quota.planner import RETRY_RESERVE, Planner
from weatherd.quota.plans import PLANS, UNLIMITED, WINDOW_SECONDS, Plan

if TYPE_CHECKING:
    from weatherd.city import City

FREE = {provider: plans["free"] for provider, plans in PLANS.items()}
STRETCHED, FITS = ("quota.stretched", "warning"), ("quota.fits", "info")


def cities(count: int, interval: float = 600.0, *providers: str) -> list[City]:
    """Return so many cities."""
    one = replace(KIEL, interval=interval, providers=providers or ("open-meteo",))
    return [replace(one, id=f"city-{number}") for number in range(count)]


class Told:
    """A planner, with what it logged and told the gates since it was last looked at."""

    def __init__(self, plans: dict[str, Plan] | None = None) -> None:
        self.expected: dict[str, float] = {}
        self.planner = Planner(FREE if plans is None else plans, self.expected.__setitem__)

    def plan(self, *lists: list[City]) -> list[tuple[str, str]]:
        """Take another list and return what was logged."""
        return [(log["event"], log["log_level"]) for log in self.logs(*lists)]

    def logs(self, *lists: list[City]) -> list[Any]:
        """Take another list and return the lines."""
        with capture_logs() as logs:
            self.planner.update([city for each in lists for city in each])
        return list(logs)


def test_a_list_that_fits_is_left_alone() -> None:
    """69 cities each ten minutes fit in Open-Meteo's free day: every city keeps its interval, and the log is quiet."""
    told = Told()
    assert told.plan(cities(60), cities(9, 600.0)) == []
    assert {told.planner.interval(city) for city in cities(60)} == {600.0}
    assert told.expected == pytest.approx({"open-meteo": 69 / 600})
    assert told.planner.calls_per_day() == {"open-meteo": 69 * 144}


def test_a_list_that_does_not_fit_is_stretched() -> None:
    """300 cities each ten minutes are 43,200 calls a day of 10,000: each is asked for 4.4 times more rarely."""
    told = Told()
    (line,) = told.logs(cities(300))
    factor = 4.32 * RETRY_RESERVE
    assert [told.planner.interval(city) for city in cities(300)] == pytest.approx([600 * factor] * 300)
    assert told.expected == pytest.approx({"open-meteo": 0.5 / factor})
    assert told.planner.calls_per_day() == {"open-meteo": round(10_000 / RETRY_RESERVE)}
    assert (line["event"], line["log_level"], line["provider"]) == ("quota.stretched", "warning", "open-meteo")
    assert (line["cities"], line["window"], line["calls"], line["limit"]) == (300, "day", 43_200, 10_000)
    assert (line["interval"], line["stretched"]) == (600, pytest.approx(600 * factor, abs=1e-3))
    assert line["action"]


def test_the_log_has_a_line_for_a_change_only() -> None:
    """The same list again says nothing; another factor, and the end of it, are told once each."""
    told = Told()
    steps = [cities(10), cities(300), cities(300), cities(300, 600.0), cities(400), cities(10), cities(10)]
    assert [told.plan(step) for step in steps] == [[], [STRETCHED], [], [], [STRETCHED], [FITS], []]


def test_a_stretched_provider_that_nobody_uses_any_more_fits() -> None:
    """When its cities go to another provider, or all leave, that is the end of it, told once."""
    told = Told()
    assert told.plan(cities(300)) == [STRETCHED]
    assert told.plan(cities(10, 600.0, "openweathermap", "open-meteo")) == [FITS]
    assert told.plan(cities(300)) == [STRETCHED]
    assert told.plan([]) == [FITS]
    assert told.plan([]) == []
    assert told.planner.calls_per_day() == {}


def test_every_provider_is_stretched_by_itself() -> None:
    """Only the cities whose first provider is short of calls wait longer."""
    told = Told()
    many, few = cities(300), cities(10, 600.0, "openweathermap", "open-meteo")
    assert told.plan(many, few) == [STRETCHED]
    assert told.planner.interval(many[0]) > 2000
    assert told.planner.interval(few[0]) == 600
    assert set(told.expected) == {"open-meteo", "openweathermap"}


def test_intervals_keep_their_proportions() -> None:
    """A city that is to be asked three times as often is, also when all are stretched."""
    told = Told()
    often, seldom = cities(300, 300.0), cities(300, 900.0)
    told.plan(often, seldom)
    assert told.planner.interval(seldom[0]) == pytest.approx(3 * told.planner.interval(often[0]))


@pytest.mark.parametrize(
    ("count", "interval", "plan"),
    [(180, 1800.0, Plan(rate=0.1)), (10_000, 86_400.0, Plan({"day": 10_000})), (30, 3.0, Plan({"minute": 600}))],
)
def test_exactly_the_limit_fits(count: int, interval: float, plan: Plan) -> None:
    """The noise of adding many small numbers does not turn a full plan into an overdrawn one."""
    told = Told({"open-meteo": plan})
    assert told.plan(cities(count, interval)) == []
    assert told.planner.interval(cities(1, interval)[0]) == interval


def test_a_provider_that_renews_slowly_is_not_asked_more_often() -> None:
    """MET Norway's answers are good for half an hour: a shorter interval costs no more calls."""
    told = Told({"met-norway": Plan(rate=0.1, burst=1, min_interval=1800)})
    assert told.plan(cities(179, 60.0, "met-norway")) == []
    assert told.planner.interval(cities(1, 60.0, "met-norway")[0]) == 60
    (line,) = told.logs(cities(360, 60.0, "met-norway"))
    assert told.planner.interval(cities(1, 60.0, "met-norway")[0]) == pytest.approx(3600 * RETRY_RESERVE)
    assert (line["window"], line["limit"]) == ("second", None)


def test_a_planner_without_plans_changes_nothing() -> None:
    """A provider that nobody knows keeps its own limits, also when there is no gate to be told."""
    planner = Planner()
    with capture_logs() as logs:
        planner.update(cities(10_000, 1.0, "other"))
    assert (planner.interval(cities(1, 1.0, "other")[0]), logs) == (1.0, [])
    assert planner.calls_per_day() == {"other": 864_000_000}


def test_a_city_that_is_not_planned_yet_has_its_own_interval() -> None:
    """There is an answer for every city at any time."""
    assert Told().planner.interval(KIEL) == KIEL.interval


lists = st.lists(
    st.tuples(st.integers(1, 500), st.floats(1, 86_400), st.sampled_from([*FREE, "other"])), max_size=6
).map(lambda parts: [city for count, interval, provider in parts for city in cities(count, interval, provider)])


@given(lists)
def test_whatever_the_list_it_fits_in_the_end(listed: list[City]) -> None:
    """With the planner's intervals no window of any plan is exceeded, and nobody is asked for more often than set."""
    told = Told()
    told.plan(listed)
    for provider in {city.providers[0] for city in listed}:
        plan = FREE.get(provider, UNLIMITED)
        own = [city for city in listed if city.providers[0] == provider]
        rate = sum(1 / max(told.planner.interval(city), plan.min_interval) for city in own)
        assert rate <= plan.rate * 1.000001
        assert all(rate * WINDOW_SECONDS[window] <= limit * 1.000001 for window, limit in plan.limits.items())
        assert told.expected[provider] == pytest.approx(rate)
        assert told.planner.calls_per_day()[provider] == pytest.approx(rate * 86_400, abs=1)
    assert all(told.planner.interval(city) >= city.interval for city in listed)


@given(st.lists(lists, max_size=5))
def test_lines_of_a_provider_alternate(changes: list[list[City]]) -> None:
    """Whatever lists follow one another: nothing fits again that was not stretched, or that has said so already."""
    told, stretched = Told(), set[str]()
    for listed in changes:
        for line in told.logs(listed):
            if line["event"] == "quota.fits":
                stretched.remove(line["provider"])
            stretched |= {line["provider"]} if line["event"] == "quota.stretched" else set()
        assert stretched == {city.providers[0] for city in listed if told.planner.interval(city) > city.interval}
