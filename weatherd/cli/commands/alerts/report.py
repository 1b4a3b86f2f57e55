"""The notifications of a replay as text."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weatherd.alerts.states import AlertEvent
from weatherd.formatting import format_count
from weatherd.text.duration import format_elapsed
from weatherd.text.local_zone import load_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from weatherd.alerts.replay import Notification
    from weatherd.alerts.rule import Rule
    from weatherd.alerts.targets import NamedTarget

    FindHeld = Callable[[Notification], list[str]]


def make_held_finder(targets: Iterable[NamedTarget], zone_name: str | None) -> FindHeld:
    """Return a function that returns the targets at which a notification waits for the end of quiet hours."""
    quiet = {named.name: hours for named in targets if (hours := named.target.quiet)}

    def find_held(found: Notification) -> list[str]:
        moment = datetime.fromtimestamp(found.time, UTC)
        return [
            name
            for name in found.rule.notify
            if name in quiet and quiet[name].hold_back(found.rule.severity, moment, zone_name)
        ]

    return find_held


def format_notifications(notifications: Sequence[Notification], find_held: FindHeld) -> Iterator[str]:
    """Yield a line for each notification, with the time on the city's clock."""
    labels = [_label(found) for found in notifications]
    rules = max((len(found.rule.name) for found in notifications), default=0)
    width = max(map(len, labels), default=0)
    for found, label in zip(notifications, labels, strict=True):
        moment = datetime.fromtimestamp(found.time, UTC).astimezone(load_zone(found.city.timezone))
        held = find_held(found)
        names = [f"{name} (after quiet hours)" if name in held else name for name in found.rule.notify]
        targets = f"  → {', '.join(names)}" if names else ""
        text = _format_text(found)
        yield f"{moment:%Y-%m-%d %H:%M %Z}  {found.rule.name:<{rules}}  {label:<{width}}  {text}{targets}"


def _label(found: Notification) -> str:
    return found.rule.severity if found.event is AlertEvent.FIRING else found.event.value


def _format_text(found: Notification) -> str:
    if found.event is AlertEvent.RESOLVED:
        return f"{found.city.name}: resolved after {format_elapsed(found.time - found.began)}"
    return found.message


def format_summary(rules: Sequence[Rule], notifications: Sequence[Notification]) -> Iterator[str]:
    """Yield a line for each rule: how many alerts in how many cities, and what the replay could not know."""
    if notifications:
        yield ""
    for rule in rules:
        events = Counter(found.event for found in notifications if found.rule is rule)
        fired, resolved = events[AlertEvent.FIRING], events[AlertEvent.RESOLVED]
        cities = {found.city.id for found in notifications if found.rule is rule}
        counts = f"{format_count(fired, 'alert', 'alerts')} in {format_count(len(cities), 'city', 'cities')}"
        counts += f", {format_count(resolved, 'resolved', 'resolved')}" if fired else ""
        repeated = events[AlertEvent.REPEATED]
        counts += f", {format_count(repeated, 'repetition', 'repetitions')}" if repeated else ""
        yield f"{rule.name}: {counts if fired else 'no alerts'}"
        if unknown := sorted(_find_unrecorded(rule)):
            yield f"  {' and '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} not recorded, and unknown here"


def _find_unrecorded(rule: Rule) -> set[str]:
    facts = {name for expression in rule.expressions for name in expression.facts}
    return facts & {"down_for", "provider_paused", "warning_severity"}
