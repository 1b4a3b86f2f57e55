"""Silences: alerts that nobody is notified of for some time. Their states go on. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weatherd.alerts.builtin.daemon_rules import DAEMON_RULES, is_daemon_rule
from weatherd.alerts.states import AlertEvent
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.alerts.rule import Rule
    from weatherd.city import City, Tags

HELD, DROPPED = "held", "dropped"  # sent when the silence ends; never sent
MAX_SILENCE = 366 * 86400.0  # seconds


class Silence(NamedTuple):
    """A silence of a rule, a city, cities with all of the tags, or what has all of these. Times are POSIX seconds."""

    id: int  # 0: not stored yet
    rule: str | None  # None: all rules
    city: str | None  # id; None: all cities
    tags: Tags
    begins: float
    ends: float
    comment: str = ""

    def matches(self, rule: str, city: City | None) -> bool:
        """Return whether the alert of a rule for a city is silenced; None stands for an alert without a city."""
        if self.rule not in (None, rule):
            return False
        if city is None:
            return self.city is None and not self.tags
        return self.city in (None, city.id) and city.has_tags(self.tags)


def find_silence(silences: Iterable[Silence], rule: str, city: City | None, now: float) -> Silence | None:
    """Return the silence of an alert at *now*, a POSIX time, that ends last; None if there is none."""
    found = (silence for silence in silences if silence.ends > now and silence.matches(rule, city))
    return max(found, key=lambda silence: silence.ends, default=None)


def decide_sending(event: AlertEvent, *, is_silenced: bool, was_told: bool) -> tuple[str | None, bool]:
    """Return what happens to an event (None: it is sent), and whether people know of the alert afterwards.

    *was_told* is whether they were notified that it fires. Of an alert that fires and ends in a silence, nothing is
    ever sent. An alert that they know of and that ends in a silence is resolved for them when the silence ends.
    """
    if event is AlertEvent.FIRING:
        return (DROPPED, False) if is_silenced else (None, True)
    if not was_told:
        return DROPPED, False
    if not is_silenced:
        return None, True
    return (HELD if event is AlertEvent.RESOLVED else DROPPED), True


def find_silence_problem(silence: Silence, rules: Sequence[Rule], cities: Sequence[City]) -> str | None:
    """Return why a silence would have no effect, or None."""
    if silence.rule is None and silence.city is None and not silence.tags:
        return "name a rule, a city or a tag"
    known = [*(rule.name for rule in rules), *(rule.name for rule in DAEMON_RULES)]
    if silence.rule is not None and silence.rule not in known:
        return f"there is no rule {silence.rule!r}{did_you_mean(silence.rule, known)}"
    if silence.rule is not None and is_daemon_rule(silence.rule) and (silence.city or silence.tags):
        return f"{silence.rule} is about the daemon itself, and not about a city"
    ids = [city.id for city in cities]
    if silence.city is not None and silence.city not in ids:
        return f"no city in the list has the id {silence.city!r}{did_you_mean(silence.city, ids)}"
    if silence.tags and not any(city.has_tags(silence.tags) for city in cities):
        return f"no city has the tag {' and '.join('='.join(tag) for tag in silence.tags)}"
    chosen = [city for city in cities if (silence.city or silence.tags) and silence.matches(silence.rule or "", city)]
    rule = next((rule for rule in rules if rule.name == silence.rule), None)
    if rule and chosen and not any(rule.cities.includes(city) for city in chosen):
        return f"the rule {rule.name!r} is not for {repr(silence.city) if silence.city else 'any of these cities'}"
    if not silence.begins < silence.ends <= silence.begins + MAX_SILENCE:
        return "a silence should end in the future, within a year"
    return None
