"""The alerts of one city: the rules that are for it, their states, and the windows of the past that they need."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from weatherd.alerts.language.compiler import NO_OBSERVATION, compile_any
from weatherd.alerts.language.known_names import CityFacts
from weatherd.alerts.states import INACTIVE, AlertPhase
from weatherd.alerts.windows.city_windows import CityWindows
from weatherd.observation import OK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from weatherd.alerts.rule import Rule
    from weatherd.alerts.states import AlertEvent, AlertState
    from weatherd.city import City
    from weatherd.observation import Observation

_NO_FACTS = CityFacts()
_NO_STATES: dict[int, AlertState] = {}  # of all cities whose alerts are inactive, as it takes memory and time to read
_HEALTH_FACTS = frozenset({"down_for", "provider_paused", "warning_severity"})


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules that are for a city, which many cities share, with what is the same for all of these."""

    rules: tuple[Rule, ...]
    holds_any: Callable[[Any, Any, Any], Any]  # whether one of the conditions holds, see compile_any()
    windows: CityWindows
    has_windows: bool
    facts: frozenset[str]  # that the conditions need, beside the windows
    needs_only_age: bool  # of the facts, at most
    needs_health: bool  # how long polls have failed, whether the provider is paused, or official warnings
    depends_on_time: bool  # whether a state may change without a new observation
    sees_suspect: bool  # whether suspect values are known to the rules


class AlertChange(NamedTuple):
    """A change of an alert's state, which people are notified of if there is an event."""

    rule: Rule
    before: AlertState
    after: AlertState
    event: AlertEvent | None


def make_rule_set(rules: Iterable[Rule], *, sees_suspect: bool = False) -> RuleSet:
    """Return the rules with what they need. Suspect values are unknown to them, unless *sees_suspect* is true."""
    rules = tuple(rules)
    expressions = [expression for rule in rules for expression in rule.expressions]
    windows = CityWindows(sorted({key for expression in expressions for key in expression.windows}))
    facts = frozenset[str]().union(*(expression.facts for expression in expressions))
    return RuleSet(
        rules,
        holds_any=compile_any([rule.when for rule in rules], windows.positions),
        windows=windows,
        has_windows=bool(windows),
        facts=facts,
        needs_only_age=facts <= {"age"},
        needs_health=not facts.isdisjoint(_HEALTH_FACTS),
        depends_on_time=any(rule.depends_on_time for rule in rules),
        sees_suspect=sees_suspect,
    )


def select_rules(
    rules: Iterable[Rule], cities: Iterable[City], *, sees_suspect: bool = False
) -> Iterator[tuple[City, RuleSet]]:
    """Yield each city with the rules that are for it; cities with the same rules share one object."""
    rules, sets = tuple(rules), dict[tuple[str, ...], RuleSet]()
    for city in cities:
        chosen = [rule for rule in rules if rule.cities.includes(city)]
        key = tuple(rule.name for rule in chosen)
        if key not in sets:
            sets[key] = make_rule_set(chosen, sees_suspect=sees_suspect)
        yield city, sets[key]


class CityAlerts:
    """The state of each rule for a city. Only states other than inactive are kept, by the rule's index."""

    __slots__ = ("_city", "_newest", "_numbers", "_observed_at", "_rule_set", "_states")

    def __init__(self, city: City, rule_set: RuleSet, states: Mapping[str, AlertState] | None = None) -> None:
        """*states* are those that were saved, by the rule's name."""
        self._city, self._rule_set = city, rule_set
        self._numbers = rule_set.windows.unknown  # of the windows; created when there is an observation
        self._newest: Observation | None = None
        self._observed_at = -inf  # of the newest observation, as a POSIX time
        self._states = _NO_STATES
        if states:
            self._states = {
                index: states[rule.name] for index, rule in enumerate(rule_set.rules) if rule.name in states
            }

    def add(self, observation: Observation) -> None:
        """Add an observation that is not a repeat. One that is older than the newest counts in the windows only."""
        self.take(observation, observation.observed_at.timestamp(), None)

    def take(self, observation: Observation, time: float, now: float | None) -> bool:
        """Add an observation of *time*, a POSIX time; return whether the rules have to be evaluated at *now*.

        They need not be if all alerts are inactive, and no condition holds, which is by far the most frequent case.
        """
        rule_set = self._rule_set
        seen = observation if observation.quality == OK else self._hide_suspect(observation)
        if rule_set.has_windows:
            if self._newest is None:
                self._numbers = self._numbers[:]
            rule_set.windows.add(self._numbers, time, seen)
        if time >= self._observed_at:
            self._newest, self._observed_at = observation, time
        elif self._newest:
            seen = self._hide_suspect(self._newest)
        if now is None or self._states or not rule_set.needs_only_age:
            return True
        age = now - self._observed_at
        return bool(rule_set.holds_any(seen, (age if age > 0 else 0.0,), self._numbers))

    def forget_windows(self) -> None:
        """Forget all observations, but no state, because they are added again with more of the past."""
        self._numbers, self._newest, self._observed_at = self._rule_set.windows.unknown, None, -inf

    @property
    def newest(self) -> Observation | None:
        """The newest observation."""
        return self._newest

    @property
    def newest_seen(self) -> Observation | None:
        """The newest observation as the rules see it, which are evaluated on it."""
        return None if self._newest is None else self._hide_suspect(self._newest)

    def _hide_suspect(self, observation: Observation) -> Observation:
        return observation if self._rule_set.sees_suspect else observation.without_suspect()

    def find_rule(self, name: str) -> Rule | None:
        """Return the rule with a name; None if it is not for the city."""
        return next((rule for rule in self._rule_set.rules if rule.name == name), None)

    @property
    def has_windows(self) -> bool:
        """Whether the rules need observations of the past."""
        return bool(self._rule_set.windows)

    @property
    def needs_health(self) -> bool:
        """Whether the rules need the arguments of :meth:`evaluate`."""
        return self._rule_set.needs_health

    def drop_pending(self) -> list[str]:
        """Drop the states of pending alerts whose condition depends on observations alone; return their rules' names.

        It is for an observation that is too old to continue them after a start.
        """
        rules = self._rule_set.rules
        dropped = [
            index
            for index, state in self._states.items()
            if state.phase is AlertPhase.PENDING and not rules[index].when.depends_on_time
        ]
        for index in dropped:
            del self._states[index]
        return [rules[index].name for index in dropped]

    def mark_notified(self, rule_name: str, now: float) -> None:
        """Record that people were notified of a firing alert at *now*, a POSIX time: a repetition counts from then."""
        for index, state in self._states.items():
            if self._rule_set.rules[index].name == rule_name:
                self._states[index] = state._replace(notified_at=now)

    @property
    def is_moving(self) -> bool:
        """Whether a state may change without a new observation, so that the rules are evaluated each minute."""
        if self._rule_set.depends_on_time:
            return True
        rules = self._rule_set.rules
        return any(
            state.phase is AlertPhase.PENDING or rules[index].timing.repeat is not None
            for index, state in self._states.items()
        )

    def evaluate(
        self,
        now: float,
        *,
        down_for: float | None = None,
        provider_paused: bool | None = None,
        warning_severity: int | None = None,
    ) -> list[AlertChange]:
        """Evaluate all rules at *now*, a POSIX time, and return the changes.

        *down_for* is how many seconds polls have failed, 0 if the last one succeeded, and *warning_severity* that of
        the most severe official warning, -1 if there is none. A condition that does not hold changes nothing about an
        inactive alert, which is by far the most frequent case.
        """
        states, rule_set = self._states, self._rule_set
        newest = self.newest_seen
        known: tuple[Any, ...] = _NO_FACTS
        if rule_set.facts:
            age, city = self._find_age(now), self._city
            known = (age, down_for, provider_paused, city.lat, city.lon, city.altitude, {}, warning_severity)
        observed = NO_OBSERVATION if newest is None else newest
        changes: list[AlertChange] = []
        if not states and not rule_set.holds_any(observed, known, self._numbers):
            return changes
        facts = self.collect_facts(now, down_for, provider_paused, warning_severity)
        for index, rule in enumerate(rule_set.rules):
            if index not in states and not rule.when.decide(observed, facts):
                continue
            before = states.get(index, INACTIVE)
            after, event = rule.advance(before, self._city, newest, facts, now)
            if after == before and not event:
                continue
            changes.append(AlertChange(rule, before, after, event))
            if after.phase is AlertPhase.INACTIVE:
                states.pop(index, None)
            else:
                if states is _NO_STATES:
                    states = self._states = {}
                states[index] = after
        return changes

    def collect_facts(
        self,
        now: float,
        down_for: float | None,
        provider_paused: bool | None,  # noqa: FBT001
        warning_severity: int | None,
    ) -> CityFacts:
        """Return what conditions know of the city at *now*, a POSIX time; the others as for :meth:`evaluate`."""
        city = self._city
        place = city.lat, city.lon, city.altitude
        summaries = self._rule_set.windows.read(self._numbers)
        return CityFacts(self._find_age(now), down_for, provider_paused, *place, summaries, warning_severity)

    def _find_age(self, now: float) -> float | None:
        return None if self._newest is None else max(0.0, now - self._observed_at)
