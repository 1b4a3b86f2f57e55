"""A replay of recorded observations through rules: which alerts there would have been, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weatherd.alerts.city_alerts import CityAlerts, select_rules
from weatherd.alerts.states import AlertEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from weatherd.alerts.rule import Rule
    from weatherd.city import City
    from weatherd.observation import Observation

_TICK = 60.0  # seconds between two evaluations without a new observation


class Notification(NamedTuple):
    """A notification of an alert: ``began`` is when its condition began to hold, in POSIX seconds."""

    time: float  # POSIX seconds
    event: AlertEvent
    rule: Rule
    city: City
    began: float
    message: str


class _ReplayedCity:
    """A city's alerts, and the time of their last evaluation; 0 before the first one."""

    def __init__(self, city: City, alerts: CityAlerts) -> None:
        self._city, self.alerts, self.time = city, alerts, 0.0

    def pass_time(self, until: float) -> Iterator[Notification]:
        """Evaluate the rules each minute before *until*, as long as they may change without an observation."""
        while self.time and self.time + _TICK < until and self.alerts.is_moving:
            yield from self.evaluate(self.time + _TICK)

    def evaluate(self, now: float) -> Iterator[Notification]:
        self.time, newest = now, self.alerts.newest
        for rule, before, after, event in self.alerts.evaluate(now):
            if event and newest:
                began = before.since if event is AlertEvent.RESOLVED else after.since
                yield Notification(now, event, rule, self._city, began, rule.message.format(self._city, newest))


def find_longest_span(rules: Iterable[Rule]) -> float:
    """Return how many seconds of observations the windows of the rules need before the first evaluation."""
    keys = (key for rule in rules for expression in rule.expressions for key in expression.windows)
    return 1.5 * max((span for _, _, span in keys), default=0.0)


def replay_rules(
    rules: Sequence[Rule],
    cities: Iterable[City],
    observations: Iterable[Observation],
    since: float,
    until: float,
    *,
    sees_suspect: bool = False,
) -> Iterator[Notification]:
    """Yield the notifications between *since* and *until*, POSIX times, those of each city in the order of time.

    *observations* are in the order of their arrival; those that arrived before *since* only fill the windows. Rules are
    evaluated when an observation arrives, and each minute as far as they depend on the time. How long polls failed and
    whether a provider was paused is not recorded, so that it is unknown.
    """
    selected = select_rules(rules, cities, sees_suspect=sees_suspect)
    replayed = {city.id: _ReplayedCity(city, CityAlerts(city, rule_set)) for city, rule_set in selected}
    for observation in observations:
        arrival = observation.fetched_at.timestamp()
        found = replayed.get(observation.city)
        if found is None or arrival >= until:
            continue
        yield from found.pass_time(arrival)
        found.alerts.add(observation)
        if arrival >= since:
            yield from found.evaluate(max(arrival, found.time))
    for found in replayed.values():
        yield from found.pass_time(until)
