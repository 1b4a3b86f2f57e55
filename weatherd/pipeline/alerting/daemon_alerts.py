"""The alerts about the daemon itself: the states of the built-in rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weatherd.alerts.builtin.daemon_rules import is_daemon_rule, read_rules
from weatherd.alerts.silences import decide_sending
from weatherd.alerts.states import INACTIVE, AlertEvent, AlertPhase, advance_state
from weatherd.journal.tables.alert_table import AlertEntry, SavedAlert
from weatherd.pipeline.alerting.changes import end_alert, parse_state, repeat_firing
from weatherd.pipeline.alerting.recorder import AlertRecorder
from weatherd.text.control_characters import escape_lines
from weatherd.text.duration import format_elapsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from weatherd.alerts.builtin.daemon_rules import DaemonRule, Reading
    from weatherd.alerts.builtin.daemon_snapshot import DaemonSnapshot
    from weatherd.alerts.compared_values import ComparedValue
    from weatherd.alerts.silences import Silence
    from weatherd.alerts.states import AlertState
    from weatherd.journal.journal import Journal


async def open_daemon_alerts(rules: Sequence[DaemonRule], journal: Journal) -> DaemonAlerts:
    """Load the states that the alerts of the rules had in the last run. Raises StateError."""
    saved, journal.alert_seq = await journal.call(lambda store: (store.alerts.load(), store.alerts.last_seq()))
    recorder = AlertRecorder(journal)
    await recorder.sent.load()
    alerts = DaemonAlerts(rules, recorder, saved)
    recorder.restore_on_loss(alerts.scan)
    return alerts


class DaemonAlerts:
    """The alerts about the daemon itself, by rule and subject. *saved* are all states of the last run."""

    def __init__(self, rules: Sequence[DaemonRule], recorder: AlertRecorder, saved: Iterable[SavedAlert] = ()) -> None:
        self.rules = tuple(rules)
        self.recorder = recorder
        self.is_silenced: Callable[[str], bool] = lambda _: False  # by a rule's name
        self.values: dict[tuple[str, str], Mapping[str, ComparedValue]] = {}  # of the active ones, at the last look
        self._active = {(state.rule, state.city): state for state in saved if is_daemon_rule(state.rule)}

    def scan(self) -> Iterator[SavedAlert]:
        """Yield all alerts that are pending or firing, in no order."""
        yield from self._active.values()

    def replace_rules(self, rules: Sequence[DaemonRule]) -> None:
        """Replace the rules. Alerts of a rule that is switched off end at the next evaluation."""
        self.rules = tuple(rules)

    def evaluate(self, snapshot: DaemonSnapshot, now: float) -> None:
        """Evaluate all rules at *now*, a POSIX time, and record what changes.

        An alert whose rule or subject, such as a forwarder, does not exist any more ends. One that nobody knows of,
        because it began in a silence, is notified of when that ends.
        """
        gone = set(self._active)
        for rule, reading in read_rules(self.rules, snapshot):
            key = rule.name, reading.subject
            gone.discard(key)
            self._advance(rule, reading, now)
            if key in self._active:
                self.values[key] = reading.values
        for key in gone:
            self.recorder.record(end_alert(self._active.pop(key), now), None)
        self.values = {key: values for key, values in self.values.items() if key in self._active}
        self.notify_unsilenced((), now)

    def notify_unsilenced(self, ended: Sequence[Silence], now: float) -> None:
        """Notify of the alerts that fire and nobody knows of, or that a silence in *ended* was for."""
        for key, saved in self._active.items():
            is_over = not saved.told or any(silence.matches(saved.rule, None) for silence in ended)
            if saved.phase == AlertPhase.FIRING.value and is_over and not self.is_silenced(saved.rule):
                self._active[key] = told = saved._replace(told=True, notified_at=now)
                self.recorder.record(repeat_firing(saved, now), told)

    def _advance(self, rule: DaemonRule, reading: Reading, now: float) -> None:
        key, holds = (rule.name, reading.subject), reading.holds
        known = self._active.get(key)
        before = parse_state(known) if known else INACTIVE
        after, event = advance_state(before, rule.timing, now, holds=holds, ends=None if holds is None else not holds)
        if after == before and not event:
            return
        message, told, mark = known.message if known else "", known is None or known.told, None
        if event:
            mark, told = decide_sending(event, is_silenced=self.is_silenced(rule.name), was_told=told)
        if event and event is not AlertEvent.RESOLVED:
            text = escape_lines(reading.message)
            message = text.encode(errors="replace").decode()  # because SQLite rejects lone surrogates
        states = self._active
        if after.phase is AlertPhase.INACTIVE:
            states.pop(key, None)
        else:
            times = after.since, after.notified_at
            states[key] = SavedAlert(*key, after.phase.value, *times, "", rule.severity, message, rule.notify, told)
        entry = _make_entry(rule, key, _Step(before, after, event), message, now)
        self.recorder.record(entry._replace(silenced=mark), states.get(key))


class _Step(NamedTuple):
    """A change of a state, and what to notify of."""

    before: AlertState
    after: AlertState
    event: AlertEvent | None


def _make_entry(rule: DaemonRule, key: tuple[str, str], step: _Step, message: str, now: float) -> AlertEntry:
    """Return the entry of a change of the alert with this rule and subject. *message* is that of the firing alert."""
    since = step.before.since if step.after.phase is AlertPhase.INACTIVE else step.after.since
    if step.event is AlertEvent.RESOLVED:
        message = f"resolved after {format_elapsed(now - since)}: {message}"
    return AlertEntry(
        seq=0,
        at=now,
        city=key[1],
        rule=rule.name,
        before=step.before.phase.value,
        after=step.after.phase.value,
        event=step.event.value if step.event else None,
        since=since,
        severity=rule.severity,
        message=message if step.event else "",
        notify=rule.notify,
    )
