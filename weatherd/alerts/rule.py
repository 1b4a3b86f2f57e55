"""Alert rules: which condition, for which cities, when, and with which message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from weatherd.alerts.states import advance_state
from weatherd.text.local_zone import load_zone
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from weatherd.alerts.hours import Hours
    from weatherd.alerts.language.compiler import Expression
    from weatherd.alerts.language.known_names import CityFacts
    from weatherd.alerts.message import MessageTemplate
    from weatherd.alerts.states import AlertEvent, AlertState, Timing
    from weatherd.city import City, Tags
    from weatherd.observation import Observation

MQTT_TARGET = "mqtt"  # in a rule's ``notify``: the broker of the section mqtt in the settings
AlertSeverity = Literal["info", "warning", "error", "critical"]


class RuleCities(NamedTuple):
    """The cities of a rule: those with one of the ids and all of the tags; None stands for any."""

    ids: tuple[str, ...] | None = None
    tags: Tags = ()

    def includes(self, city: City) -> bool:
        """Return whether a city is selected."""
        return (self.ids is None or city.id in self.ids) and city.has_tags(self.tags)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the rules file."""

    name: str
    when: Expression
    until: Expression | None  # None: the opposite of *when*
    timing: Timing
    cities: RuleCities
    between: Hours | None  # None: the whole day
    severity: AlertSeverity
    message: MessageTemplate
    notify: tuple[str, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The conditions of the rule."""
        return (self.when, self.until) if self.until else (self.when,)

    @property
    def depends_on_time(self) -> bool:
        """Whether the rule may change without a new observation, before or after *timing* is considered."""
        return self.between is not None or any(expression.depends_on_time for expression in self.expressions)

    def advance(
        self, state: AlertState, city: City, observation: Observation | None, facts: CityFacts, now: float
    ) -> tuple[AlertState, AlertEvent | None]:
        """Evaluate the rule for a city at *now*, a POSIX time; return its next state, and what to notify of.

        Outside the hours of *between*, the condition does not hold, and a firing alert ends.
        """
        if self.between and not self.between.include(datetime.fromtimestamp(now, UTC), load_zone(city.timezone)):
            return advance_state(state, self.timing, now, holds=False, ends=True)
        holds = self.when.evaluate(observation, facts)
        opposite = None if holds is None else not holds
        ends = self.until.evaluate(observation, facts) if self.until else opposite
        return advance_state(state, self.timing, now, holds=holds, ends=ends)


def find_unknown_cities(rules: Iterable[Rule], cities: Sequence[City]) -> Iterator[str]:
    """Yield a message for each id in the rules that no city has, and for tags of no city; the list may have changed."""
    ids = [city.id for city in cities]
    for rule in rules:
        for city_id in rule.cities.ids or ():
            if city_id not in ids:
                yield f"the rule {rule.name!r} is for {city_id!r}, but no city has this id{did_you_mean(city_id, ids)}"
        tags = rule.cities.tags
        if tags and not any(city.has_tags(tags) for city in cities):
            names = " and ".join(f"{key}={text}" for key, text in tags)
            yield f"the rule {rule.name!r} is for cities with the tag {names}, but there is none"


def find_brokerless(rules: Iterable[Rule]) -> list[str]:
    """Return the names of the rules that name the target ``mqtt``, for settings without a broker."""
    return [rule.name for rule in rules if MQTT_TARGET in rule.notify]
