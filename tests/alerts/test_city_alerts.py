"""The alerts of a city: the fast evaluation of many rules equals that of each rule alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fakes import KIEL, observation
from weatherd.alerts.city_alerts import CityAlerts, make_rule_set, select_rules
from weatherd.alerts.language.known_names import CityFacts
from weatherd.alerts.rules_file import parse_rules
from weatherd.alerts.states import INACTIVE, AlertEvent, AlertPhase, AlertState
from weatherd.city import City
from weatherd.observation import OK, SUSPECT

if TYPE_CHECKING:
    from weatherd.alerts.rule import Rule
    from weatherd.observation import Observation

START = datetime(2026, 1, 10, tzinfo=UTC)
RULES = parse_rules(
    """\
alerts:
  frost: {when: temperature < 0, for: 20m, until: temperature > 1}
  wind: {when: wind_speed > 10 or wind_chill < -5, repeat: 30m}
  night: {when: temperature < 5, between: "18:00-03:00"}
  gusty: {when: "max(wind_speed, 2h) > 12 and temperature < 5 and age < 20m"}
  old: {when: age > 30m}
  falling: {when: "change(temperature, 1h) < -3 or max(wind_speed, 2h) > 12"}
  down: {when: down_for > 10m or provider_paused}
""",
    "alerts.yaml",
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([5, 10, 60, 300]),
        st.none() | st.tuples(st.sampled_from([-4.0, 0.5, 3.0, 9.0]), st.sampled_from([None, 2.0, 13.0])),
        st.sampled_from([None, 0.0, 900.0]),
        st.sampled_from([None, True, False]),
    ),
    max_size=25,
)
# For each step: how many minutes late its observation is, and its quality
MARKS = st.lists(
    st.tuples(
        st.sampled_from([0, -3, 40]),
        st.sampled_from([OK, OK, f"{SUSPECT}temperature step", f"{SUSPECT}wind_speed step"]),
    ),
    min_size=25,
    max_size=25,
)
Step = tuple[int, Any, float | None, bool | None]


def observe(moment: datetime, values: tuple[float, float | None], mark: tuple[int, str]) -> Observation:
    """Return the observation of a step, which arrives at *moment*."""
    delay, quality = mark
    observed_at = moment - timedelta(minutes=delay)
    return observation(observed_at=observed_at, temperature=values[0], wind_speed=values[1], quality=quality)


@given(STEPS, MARKS)
def test_all_rules_at_once_equal_each_alone(steps: list[Step], marks: list[tuple[int, str]]) -> None:
    """States and events are those of every rule evaluated alone, with and without new observations.

    A late observation counts in the windows only, and suspect values count nowhere.
    """
    city = City(name="Kiel", lat=54.3, lon=10.1, timezone="Europe/Berlin")
    rule_set = make_rule_set(RULES)
    alerts, states = CityAlerts(city, rule_set), dict[str, AlertState]()
    numbers = rule_set.windows.unknown[:]
    moment, newest = START, None
    for (minutes, values, down_for, paused), mark in zip(steps, marks, strict=False):
        moment += timedelta(minutes=minutes)
        if values:
            added = observe(moment, values, mark)
            alerts.add(added)
            rule_set.windows.add(numbers, added.observed_at.timestamp(), added.without_suspect())
            if newest is None or added.observed_at >= newest.observed_at:
                newest = added.without_suspect()
        now = moment.timestamp()
        age = None if newest is None else max(0.0, now - newest.observed_at.timestamp())
        facts = CityFacts(age, down_for, paused, city.lat, city.lon, None, rule_set.windows.read(numbers))
        expected = []
        for rule in RULES:
            before = states.get(rule.name, INACTIVE)
            states[rule.name], event = rule.advance(before, city, newest, facts, now)
            if event or states[rule.name] != before:
                expected.append((rule.name, before, states[rule.name], event))
        found = alerts.evaluate(now, down_for=down_for, provider_paused=paused)
        assert [(change.rule.name, *change[1:]) for change in found] == expected


@settings(max_examples=300)
@given(st.sampled_from(RULES[:-1]), STEPS, MARKS, st.booleans())
def test_an_observation_that_changes_nothing_needs_no_evaluation(
    rule: Rule,
    steps: list[Step],
    marks: list[tuple[int, str]],
    sees_suspect: bool,  # noqa: FBT001 - drawn
) -> None:
    """Without an evaluation after observations that need none, also late and suspect ones, changes are the same.

    It is shown with one rule, because with several ones, an active alert causes most evaluations.
    """
    rule_set = make_rule_set([rule], sees_suspect=sees_suspect)
    quick, slow, moment = CityAlerts(KIEL, rule_set), CityAlerts(KIEL, rule_set), START
    for (minutes, values, _, _), mark in zip(steps, marks, strict=False):
        moment += timedelta(minutes=minutes)
        now = moment.timestamp()
        if values:
            added = observe(moment, values, mark)
            slow.add(added)
            must_evaluate = quick.take(added, added.observed_at.timestamp(), now)
            assert (quick.evaluate(now) if must_evaluate else []) == slow.evaluate(now)


def test_the_usual_observation_needs_no_evaluation() -> None:
    """While all alerts are inactive and no condition holds, an observation is only added."""
    alerts = CityAlerts(KIEL, make_rule_set(RULES[:-1]))
    seen = observation(observed_at=START, temperature=9.0, wind_speed=2.0)
    assert not alerts.take(seen, START.timestamp(), START.timestamp())
    assert alerts.take(seen._replace(temperature=-1.0), START.timestamp(), START.timestamp())


def test_a_late_observation_may_need_an_evaluation() -> None:
    """The condition has the late one in its windows, but the values and the age of the newest one."""
    alerts = CityAlerts(KIEL, make_rule_set([rule for rule in RULES if rule.name == "gusty"]))
    newest = observe(START, (3.0, 2.0), (0, OK))
    assert not alerts.take(newest, newest.observed_at.timestamp(), START.timestamp())
    now = START + timedelta(minutes=5)
    late = observe(now, (9.0, 13.0), (40, OK))
    assert alerts.take(late, late.observed_at.timestamp(), now.timestamp())
    assert [change.event for change in alerts.evaluate(now.timestamp())] == [AlertEvent.FIRING]


def test_a_restart_continues_a_pending_alert() -> None:
    """With the saved states, the time that a condition must hold goes on, and a firing alert does not fire again."""
    saved = {
        "frost": AlertState(AlertPhase.PENDING, START.timestamp() - 900),
        "night": AlertState(AlertPhase.FIRING, START.timestamp() - 900, START.timestamp() - 900),
    }
    alerts = CityAlerts(KIEL, make_rule_set(RULES), saved)
    assert alerts.is_moving
    alerts.add(observation(observed_at=START, temperature=-2.0))
    assert [change.rule.name for change in alerts.evaluate(START.timestamp())] == []
    (change,) = alerts.evaluate(START.timestamp() + 300)
    assert (change.rule.name, change.event) == ("frost", AlertEvent.FIRING)
    assert change.after.since == START.timestamp() - 900


def test_alerts_without_an_observation() -> None:
    """A city that never had an observation can be down; the states of other rules are unknown."""
    alerts = CityAlerts(KIEL, make_rule_set(RULES))
    assert [change.rule.name for change in alerts.evaluate(START.timestamp(), down_for=900.0)] == ["down"]


def test_cities_with_the_same_rules_share_them() -> None:
    """Cities share an object with their rules, and those with a tag of their own get another one."""
    rules = parse_rules("alerts: {a: {when: age > 1h}, b: {when: age > 2h, cities: {tag: {x: y}}}}", "alerts.yaml")
    cities = [City(name=f"c{index}", lat=1.0, lon=1.0) for index in range(3)]
    tagged = City(name="t", lat=1.0, lon=1.0, tags=(("x", "y"),))
    found = [rule_set for _, rule_set in select_rules(rules, [*cities, tagged])]
    assert len({id(rule_set) for rule_set in found}) == 2
    assert [len(rule_set.rules) for rule_set in found] == [1, 1, 1, 2]


@given(STEPS, st.sets(st.integers(0, 24), max_size=5))
def test_restarts_neither_lose_nor_double_an_alert(steps: list[Step], restarts: set[int]) -> None:
    """With restarts at any points, from the saved states and the recorded observations, all changes are the same."""
    rule_set, moment = make_rule_set(RULES), START
    recorded: list[Observation] = []
    whole, restarted = CityAlerts(KIEL, rule_set), CityAlerts(KIEL, rule_set)
    saved: dict[str, AlertState] = {}
    for index, (minutes, values, down_for, paused) in enumerate(steps):
        moment += timedelta(minutes=minutes)
        if index in restarts:
            restarted = CityAlerts(KIEL, rule_set, saved)
            for earlier in recorded:
                restarted.add(earlier)
        if values:
            recorded.append(observation(observed_at=moment, temperature=values[0], wind_speed=values[1]))
            whole.add(recorded[-1])
            restarted.add(recorded[-1])
        now = moment.timestamp()
        expected = whole.evaluate(now, down_for=down_for, provider_paused=paused)
        assert restarted.evaluate(now, down_for=down_for, provider_paused=paused) == expected
        saved |= {change.rule.name: change.after for change in expected}
