"""A replay of recorded observations through rules: which alerts there would have been, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weatherd.alerts.language.known_names import CityFacts
from weatherd.alerts.states import INACTIVE, AlertEvent, AlertPhase, AlertState
from weatherd.alerts.windows import Window, add_to_windows, make_windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from weatherd.alerts.rule import Rule
    from weatherd.alerts.windows import WindowKey
    from weatherd.city import City
    from weatherd.observation import Observation

_TICK = 60.0  # seconds between two evaluations without a new observation


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of an alert: ``began`` is when its condition began to hold, in POSIX seconds."""

    time: float  # POSIX seconds
    event: AlertEvent
    rule: Rule
    city: City
    began: float
    message: str


@dataclass(slots=True)
class _ReplayedCity:
    """A city with the state of each rule that is for it."""

    city: City
    rules: Sequence[Rule]
    windows: Mapping[WindowKey, Window]
    states: list[AlertState] = field(init=False)
    newest: Observation | None = None
    time: float = 0.0  # of the last evaluation

    def __post_init__(self) -> None:
        self.states = [INACTIVE] * len(self.rules)

    def add(self, observation: Observation) -> None:
        add_to_windows(self.windows, observation)
        if self.newest is None or observation.observed_at >= self.newest.observed_at:
            self.newest = observation

    def pass_time(self, until: float) -> Iterator[Notification]:
        """Evaluate the rules that may change without an observation, each minute before *until*."""
        if self.newest is None or not self.time:
            return
        while self.time + _TICK < until and any(map(self._is_moving, range(len(self.rules)))):
            yield from self.evaluate(self.time + _TICK)

    def _is_moving(self, index: int) -> bool:
        rule, phase = self.rules[index], self.states[index].phase
        repeats = phase is AlertPhase.FIRING and rule.timing.repeat is not None
        return rule.depends_on_time or phase is AlertPhase.PENDING or repeats

    def evaluate(self, now: float) -> Iterator[Notification]:
        """Evaluate all rules at *now*."""
        self.time, observation = now, self.newest
        if observation is None:
            return
        age = max(0.0, now - observation.observed_at.timestamp())
        facts = CityFacts(age, None, None, self.city.lat, self.city.lon, self.city.altitude, self.windows)
        for index, rule in enumerate(self.rules):
            before = self.states[index]
            state, event = rule.advance(before, self.city, observation, facts, now)
            self.states[index] = state
            if event:
                began = before.since if event is AlertEvent.RESOLVED else state.since
                yield Notification(now, event, rule, self.city, began, rule.message.format(self.city, observation))


def find_longest_span(rules: Iterable[Rule]) -> float:
    """Return how many seconds of observations the windows of the rules need before the first evaluation."""
    keys = (key for rule in rules for expression in rule.expressions for key in expression.windows)
    return 1.5 * max((span for _, _, span in keys), default=0.0)


def replay_rules(
    rules: Sequence[Rule], cities: Iterable[City], observations: Iterable[Observation], since: float, until: float
) -> Iterator[Notification]:
    """Yield the notifications between *since* and *until*, POSIX times, city by city in the order of time.

    *observations* are in the order of their arrival; those that arrived before *since* only fill the windows. Rules are
    evaluated when an observation arrives, and each minute as far as they depend on the time, as in the daemon. How long
    polls failed and whether a provider was paused is not recorded, so that it is unknown.
    """
    replayed = {city.id: _replay_city(rules, city) for city in cities}
    for observation in observations:
        arrival = observation.fetched_at.timestamp()
        found = replayed.get(observation.city)
        if found is None or arrival >= until:
            continue
        yield from found.pass_time(arrival)
        found.add(observation)
        if arrival >= since:
            yield from found.evaluate(max(arrival, found.time))
    for found in replayed.values():
        yield from found.pass_time(until)


def _replay_city(rules: Sequence[Rule], city: City) -> _ReplayedCity:
    chosen = [rule for rule in rules if rule.cities.includes(city)]
    keys = sorted({key for rule in chosen for expression in rule.expressions for key in expression.windows})
    return _ReplayedCity(city, chosen, make_windows(keys))
