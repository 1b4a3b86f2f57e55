"""The replay of observations through rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import KIEL, observation
from weatherd.alerts.replay import replay_rules
from weatherd.alerts.rules_file import parse_rules
from weatherd.city import City
from weatherd.text.local_zone import find_local_zone

if TYPE_CHECKING:
    from weatherd.alerts.replay import Notification
    from weatherd.observation import Observation

START = datetime(2026, 1, 10, tzinfo=UTC)
BERLIN = City(name="Kiel", lat=54.3, lon=10.1, timezone="Europe/Berlin")


def at(minutes: float) -> float:
    """Return the POSIX time some minutes after the start."""
    return (START + timedelta(minutes=minutes)).timestamp()


def observe(minutes: float, temperature: float = 5.0, *, delay: float = 0.0, **values: Any) -> Observation:
    """Return an observation some minutes after the start, which arrives *delay* minutes later."""
    moment = START + timedelta(minutes=minutes)
    arrival = moment + timedelta(minutes=delay)
    return observation(observed_at=moment, fetched_at=arrival, temperature=temperature, **values)


def replay(
    rules: str, observations: list[Observation], *, until: float = 10_000, since: float = 0, city: City = KIEL
) -> list[Notification]:
    """Replay observations through the rules, for minutes after the start."""
    parsed = parse_rules(f"alerts:\n  {rules}", "alerts.yaml")
    return list(replay_rules(parsed, [city], observations, at(since), at(until)))


def times(found: list[Notification]) -> list[tuple[str, float]]:
    """Return the event and the minutes after the start of each notification."""
    return [(notification.event.value, (notification.time - at(0)) / 60) for notification in found]


def test_hold_and_hysteresis() -> None:
    """An alert fires a minute or less after its condition held for 20 minutes, also between two observations."""
    rule = "frost: {when: temperature < 0, for: 20m, until: temperature > 1}"
    seen = [observe(0), observe(60, -1), observe(120, 0.5), observe(180, -1), observe(240, 2), observe(300, -1)]
    assert times(replay(rule, seen, until=310)) == [("firing", 80), ("resolved", 240)]
    assert replay(rule, seen, until=400)[2].message == "Kiel: frost"


def test_an_unknown_value_changes_nothing() -> None:
    """A firing alert stays while the value is missing, and a missing value does not fire one."""
    rule = "wind: {when: wind_speed > 10}"
    seen = [
        observe(0),
        observe(10, wind_speed=12.0),
        observe(20),
        observe(30, wind_speed=12.0),
        observe(40, wind_speed=1.0),
    ]
    assert times(replay(rule, seen)) == [("firing", 10), ("resolved", 40)]


def test_silence_is_noticed_within_a_minute() -> None:
    """A rule about the age fires between two observations, repeats, and resolves with the next one."""
    rule = "silent: {when: age > 2h, repeat: 1h}"
    found = times(replay(rule, [observe(0, delay=5), observe(300, delay=5)], until=310))
    assert found == [("firing", 121), ("repeated", 181), ("repeated", 241), ("repeated", 301), ("resolved", 305)]


def test_hours_end_an_alert() -> None:
    """Outside its hours on the city's clock, an alert ends, and does not fire."""
    rule = 'frost: {when: temperature < 0, between: "18:00-09:00"}'
    seen = [observe(60 * hour, -3) for hour in range(1, 20)]
    found = times(replay(rule, seen, until=60 * 24, city=BERLIN))  # START is 1:00 in Berlin
    assert found == [("firing", 60), ("resolved", 8 * 60), ("firing", 17 * 60)]


@pytest.mark.parametrize("machine", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_the_time_zone_of_the_machine_does_not_matter(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alerts of a city with a time zone are the same in any time zone of the machine."""
    monkeypatch.setenv("TZ", machine)
    find_local_zone.cache_clear()
    rule = 'cold: {when: temperature < 0, between: "23:00-01:00", message: "{local_time} {observed_at:%H:%M}"}'
    found = replay(rule, [observe(60 * hour, -3) for hour in range(1, 26)], until=60 * 26, city=BERLIN)
    find_local_zone.cache_clear()
    assert times(found) == [("firing", 22 * 60), ("resolved", 24 * 60)]
    assert found[0].message == "23:00 23:00"


def test_windows_are_filled_before_the_start() -> None:
    """Observations before the start of the replay count in the windows, but cause no alert."""
    rule = "rain: {when: rain(6h) > 5}"
    seen = [observe(60 * hour, precipitation=2.0) for hour in range(6)]
    assert times(replay(rule, seen, since=200)) == [("firing", 240)]
    assert times(replay(rule, seen)) == [("firing", 120)]
    assert times(replay("rain: {when: rain(6h) > 50}", seen)) == []


def test_late_and_foreign_observations() -> None:
    """An observation that is older than the newest does not replace it; one of another city does not count."""
    rule = "frost: {when: temperature < 0}"
    late = observe(5, 7, delay=20)
    foreign = observe(30, 7)._replace(city="ulm")
    assert times(replay(rule, [observe(10, -1), late, foreign, observe(60, 1)])) == [("firing", 10), ("resolved", 60)]


STEPS = st.lists(st.tuples(st.sampled_from([1, 10, 15, 60, 500]), st.sampled_from([-3.0, 0.5, 4.0])), max_size=30)


@given(STEPS, st.integers(0, 3))
def test_each_change_is_notified_once(steps: list[tuple[int, float]], hold: int) -> None:
    """Each firing interval and each resolution is notified once, and the same observations give the same alerts."""
    minutes, seen = 0, []
    for step, temperature in steps:
        minutes += step
        seen.append(observe(minutes, temperature))
    rule = f"frost: {{when: temperature < 0, for: {hold * 10}m, until: temperature > 1}}"
    found = times(replay(rule, seen, until=minutes + 1))
    assert [event for event, _ in found] == ["firing", "resolved"] * (len(found) // 2) + ["firing"] * (len(found) % 2)
    assert found == times(replay(rule, seen, until=minutes + 1))
    assert found == sorted(found, key=lambda event: event[1])


def test_suspect_values_are_unknown() -> None:
    """A spike neither fires nor ends an alert, nor is it in a window; the other values of its observation count."""
    quality = "suspect: temperature step"
    spike = observe(60, 50.0, wind_speed=20.0, quality=quality)
    seen = [observe(0, wind_speed=3.0), spike, observe(120, wind_speed=3.0)]
    heat = "heat: {when: 'temperature > 35 or max(temperature, 24h) > 35 or change(temperature, 1h) > 20'}"
    assert replay(heat, seen) == []
    assert times(replay("storm: {when: wind_speed > 15}", seen)) == [("firing", 60), ("resolved", 120)]
    cold = [observe(0, -5.0), observe(10, 30.0, quality=quality), observe(20, -5.0)]
    assert times(replay("frost: {when: temperature < 0}", cold)) == [("firing", 0)]


def test_suspect_values_on_request() -> None:
    """Rules see them with the setting, and can always be about them."""
    spike = observe(60, 50.0, quality="suspect: temperature step")
    parsed = parse_rules("alerts:\n  heat: {when: temperature > 35}", "alerts.yaml")
    found = list(replay_rules(parsed, [KIEL], [observe(0), spike], at(0), at(100), sees_suspect=True))
    assert times(found) == [("firing", 60)]
    doubt = "doubt: {when: 'quality != \"ok\"', message: '{name}: {temperature} {unit}'}"
    (fired,) = replay(doubt, [observe(0), spike])
    assert fired.message == "Kiel: 50.0 °C (suspect: temperature step)"
