"""Changes of alerts as they are stored, and the states that were saved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weatherd.alerts.states import AlertEvent, AlertPhase, AlertState
from weatherd.journal.tables.alert_table import AlertEntry, SavedAlert
from weatherd.text.duration import format_elapsed

if TYPE_CHECKING:
    from weatherd.alerts.city_alerts import AlertChange
    from weatherd.alerts.rule import Rule
    from weatherd.city import City
    from weatherd.observation import Observation

ENDED = "ended"  # event of an alert whose rule or city was removed


def to_time(seconds: float) -> datetime:
    """Return a POSIX time as a datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def make_entry(city: City, change: AlertChange, now: float, observation: Observation | None) -> AlertEntry:
    """Return the entry of a change at *now*, a POSIX time."""
    rule, before, after, event = change
    since = before.since if after.phase is AlertPhase.INACTIVE else after.since
    message = _format_message(city, change, now, observation) if event else ""
    return AlertEntry(
        seq=0,
        at=now,
        city=city.id,
        rule=rule.name,
        before=before.phase.value,
        after=after.phase.value,
        event=event.value if event else None,
        since=since,
        severity=rule.severity,
        message=message.encode(errors="replace").decode(),  # because SQLite rejects lone surrogates
        notify=rule.notify,
    )


def make_saved(rule: Rule, city: City, state: AlertState, message: str, *, told: bool) -> SavedAlert | None:
    """Return a state as it is saved; None for an inactive one."""
    if state.phase is AlertPhase.INACTIVE:
        return None
    return SavedAlert(
        rule.name,
        city.id,
        state.phase.value,
        state.since,
        state.notified_at,
        rule.when.text,
        rule.severity,
        message,
        rule.notify,
        told,
    )


def repeat_firing(saved: SavedAlert, now: float) -> AlertEntry:
    """Return the entry that notifies of an alert that still fires when its silence ends."""
    event = AlertEvent.REPEATED if saved.told else AlertEvent.FIRING
    return AlertEntry(
        0, now, saved.city, saved.rule, saved.phase, saved.phase, event.value, saved.since, saved.severity,
        saved.message, saved.notify,
    )  # fmt: skip


def release_entry(held: AlertEntry, now: float) -> AlertEntry:
    """Return the entry that notifies of a resolution in a silence, when that ends."""
    return held._replace(seq=0, at=now, before=held.after, silenced=None)


def parse_state(saved: SavedAlert) -> AlertState:
    """Return the state that was saved; a firing one if the file was edited by hand and the phase is unknown."""
    phase = AlertPhase.PENDING if saved.phase == AlertPhase.PENDING.value else AlertPhase.FIRING
    return AlertState(phase, saved.since, saved.notified_at)


def end_alert(saved: SavedAlert, now: float) -> AlertEntry:
    """Return the entry of an alert that ends because its rule or city was removed, or its condition was replaced."""
    is_firing = saved.phase != AlertPhase.PENDING.value
    return AlertEntry(
        0, now, saved.city, saved.rule, saved.phase, AlertPhase.INACTIVE.value, ENDED if is_firing else None,
        saved.since, saved.severity, saved.message, saved.notify,
    )  # fmt: skip


def _format_message(city: City, change: AlertChange, now: float, observation: Observation | None) -> str:
    if change.event is AlertEvent.RESOLVED:
        return f"{city.name}: {change.rule.name} resolved after {format_elapsed(now - change.before.since)}"
    if observation is None:
        return f"{city.name}: {change.rule.name}, without any observation"
    return change.rule.message.format(city, observation)
