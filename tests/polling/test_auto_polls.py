"""The polls of cities with ``interval: auto``: their times, and what survives a restart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.daemon import make_planner
from tests.support.fakes import new_key_values, observation
from weatherd.city import City
from weatherd.freshness import plan_interval
from weatherd.polling.poll_history import CityPolls
from weatherd.polling.rhythm.rhythms import Rhythms, dump_rhythm, load_rhythm
from weatherd.quota.plans import Plan
from weatherd.text.auto_interval import parse_interval

if TYPE_CHECKING:
    from weatherd.observation import Observation

BEGIN = 1_800_000_000.0  # a full hour


def make_city(name: str = "Kiel", provider: str = "open-meteo", interval: str = "auto") -> City:
    """Return a city with ``interval: auto``."""
    return City(
        name=name, lat=54.3, lon=10.1, providers=(provider,), interval=plan_interval(parse_interval(interval), provider)
    )


def observe(city: City, at: float, *, provider: str = "", station: str = "", fetched_at: float = 0.0) -> Observation:
    """Return an observation of a POSIX time."""
    return observation(
        city,
        provider=provider or city.providers[0],
        station=station,
        observed_at=datetime.fromtimestamp(at, UTC),
        fetched_at=datetime.fromtimestamp(fetched_at or at, UTC),
    )


def next_time(rhythms: Rhythms, city: City, found: Observation, now: float) -> float:
    """Return the POSIX time of the poll after one that ended *now*."""
    polls = CityPolls(city)
    polls.plan(now - 1e9, "")
    rhythms.plan(polls, found, now - 1e9, 1e9)
    return polls.due + 1e9


def test_cities_on_one_service_share_a_rhythm_and_are_spread() -> None:
    """A thousand cities are polled in the 45 s after the quarter of an hour, 22 of them together; one entry is kept."""
    store, planner = new_key_values(), make_planner()
    rhythms = Rhythms(planner, store)
    cities = [make_city(f"City {n}") for n in range(1000)]
    planner.update(cities)
    times = [next_time(rhythms, city, observe(city, BEGIN), BEGIN + 50) - BEGIN - 900 for city in cities]
    assert 0 <= min(times) < 2
    assert 43 < max(times) < 45
    assert len({round(time, 3) for time in times}) == 45
    assert list(store.as_dict()) == ["open-meteo"]


def test_a_slow_rate_spreads_the_polls_further() -> None:
    """With two calls a second, a thousand cities are spread over 500 s."""
    planner = make_planner({"nws": Plan(rate=2.0)})
    rhythms, cities = Rhythms(planner, new_key_values()), [make_city(f"City {n}", "nws") for n in range(1000)]
    planner.update(cities)
    assert planner.spread("nws") == 500
    times = [next_time(rhythms, city, observe(city, BEGIN, station=city.id), BEGIN + 3000) for city in cities]
    assert 480 < max(times) - min(times) < 500


def test_a_plan_bounds_the_polls() -> None:
    """With a plan that is just used up no late value is requested early; with half of it, half an interval later."""
    for limit, seconds in ((96, 900), (192, 450), (9600, 60)):
        planner = make_planner({"open-meteo": Plan({"day": limit})})
        rhythms, city = Rhythms(planner, new_key_values()), make_city()
        planner.update([city])
        now = BEGIN + 945
        assert next_time(rhythms, city, observe(city, BEGIN), now) - now == pytest.approx(seconds, abs=60)


def test_a_stretched_list_is_polled_at_every_second_value() -> None:
    """Two cities on a plan for 96 calls a day are polled each half hour, still soon after a quarter of an hour."""
    planner = make_planner({"open-meteo": Plan({"day": 96})})
    rhythms, cities = Rhythms(planner, new_key_values()), [make_city("Kiel"), make_city("Bonn")]
    planner.update(cities)
    assert next_time(rhythms, cities[0], observe(cities[0], BEGIN), BEGIN + 30) - BEGIN == pytest.approx(2722.5, abs=23)


def test_another_provider_is_polled_at_the_interval() -> None:
    """While the second provider serves the city, its schedule is that of the planned interval."""
    planner = make_planner()
    rhythms, city = Rhythms(planner, new_key_values()), make_city()
    planner.update([city])
    polls = CityPolls(city)
    polls.plan(0.0, "")
    rhythms.plan(polls, observe(city, BEGIN, provider="met-norway"), 10.0, BEGIN)
    assert (polls.reason, polls.is_tick) == ("on schedule", True)
    assert 10 < polls.due <= 910


def test_a_restart_remembers_what_was_learnt() -> None:
    """After a restart, a station is polled at the same times as before; a start without the entries learns anew."""
    store, city = new_key_values(), make_city("Denver", "nws")
    planner = make_planner()
    planner.update([city])
    before = Rhythms(planner, store)
    now, last = BEGIN + 700, BEGIN
    for _ in range(30):
        newest = BEGIN + 3600 * ((now - BEGIN - 400) // 3600)  # reports are 400 s late
        now, last = next_time(before, city, observe(city, newest, station="KDEN"), now), newest
    after = Rhythms(planner, store)
    found = observe(city, last, station="KDEN", fetched_at=now - 3000)
    first = after.first_poll_time(city, found, now - 1000)
    assert first == pytest.approx(last + 3600 + 400, abs=62)
    assert Rhythms(planner, new_key_values()).first_poll_time(city, found, now - 1000) != pytest.approx(first, abs=62)


@pytest.mark.parametrize(
    ("age", "due"),
    [
        (60.0, BEGIN + 900 + 37),  # the next quarter
        (880.0, BEGIN + 900 + 37),
        (1000.0, BEGIN + 1000),  # a newer value has been there for a while
        (9000.0, BEGIN + 9000),
    ],
)
def test_the_first_poll_after_a_start_waits_for_news(age: float, due: float) -> None:
    """It is immediate if there must be a newer value."""
    planner, city = make_planner(), make_city("Kiel")
    planner.update([city])
    rhythms = Rhythms(planner, new_key_values())
    last = observe(city, BEGIN, fetched_at=BEGIN + 30)
    assert rhythms.first_poll_time(city, last, BEGIN + age) == pytest.approx(due, abs=1)
    assert rhythms.first_poll_time(city, last, BEGIN - 1000) == BEGIN - 1000  # fetched with a wrong clock


@given(st.text() | st.builds(str, st.lists(st.floats() | st.integers(), max_size=12)))
def test_a_damaged_entry_is_ignored(text: str) -> None:
    """Whatever the text, it is a rhythm or None; a rhythm is written as the text that it was read from."""
    rhythm = load_rhythm(text)
    assert rhythm is None or load_rhythm(dump_rhythm(rhythm)) == rhythm


def test_a_time_in_the_future_is_forgotten() -> None:
    """One observation with a wrong year does not stop the learning for a year."""
    planner, city = make_planner(), make_city()
    planner.update([city])
    rhythms = Rhythms(planner, new_key_values())
    next_time(rhythms, city, observe(city, BEGIN + 4e7), BEGIN)
    for quarter in range(1, 4):
        now = BEGIN + 900 * quarter + 40
        assert next_time(rhythms, city, observe(city, BEGIN + 900 * quarter), now) == pytest.approx(now + 900, abs=45)


@pytest.mark.parametrize(
    ("interval", "now", "reason"),
    [
        ("auto", BEGIN + 40, "open-meteo has a new value every 15m, 0s after its time"),
        ("auto", BEGIN + 960, "open-meteo has a new value every 15m, 0s after its time; this one is late"),
        (
            "auto 1m..10m",
            BEGIN + 40,
            "open-meteo has a new value every 15m, 0s after its time; polled before, because of the bounds",
        ),
    ],
)
def test_the_reason_for_the_time_is_told(interval: str, now: float, reason: str) -> None:
    """It is what ``weatherd explain`` shows of the next poll; equal reasons are one object."""
    planner, city = make_planner(), make_city("Kiel", interval=interval)
    planner.update([city])
    rhythms = Rhythms(planner, new_key_values())
    polls, other = CityPolls(city), CityPolls(city)
    for record in (polls, other):
        record.plan(now - 1e9, "")
        rhythms.plan(record, observe(city, BEGIN), now - 1e9, 1e9)
    assert polls.reason == reason
    assert polls.reason is other.reason
