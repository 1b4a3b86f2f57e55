"""The alerts of the running daemon: which rules are for which city, and their states."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from weatherd.alerts.city_alerts import CityAlerts, select_rules
from weatherd.alerts.compared_values import read_values
from weatherd.alerts.language.compiler import NO_OBSERVATION
from weatherd.alerts.rule import MQTT_TARGET
from weatherd.alerts.silences import decide_sending
from weatherd.alerts.states import AlertPhase
from weatherd.pipeline.alerting.batches import add_batch
from weatherd.pipeline.alerting.changes import (
    end_alert,
    make_entry,
    make_saved,
    parse_state,
)
from weatherd.pipeline.alerting.city_health import know_no_health
from weatherd.pipeline.alerting.unsilencing import apply_silences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.alerts.compared_values import ComparedValue
    from weatherd.alerts.language.known_names import CityFacts
    from weatherd.alerts.rule import Rule
    from weatherd.alerts.rules_file import ParsedFile
    from weatherd.alerts.silences import Silence
    from weatherd.city import City
    from weatherd.config.diff import CityListDiff
    from weatherd.config.loader import Configuration
    from weatherd.journal.reader import RecordedPlace
    from weatherd.journal.tables.alert_table import AlertEntry, SavedAlert
    from weatherd.observation import FetchedObservation, Observation
    from weatherd.pipeline.alerting.city_health import Health
    from weatherd.pipeline.alerting.recorder import AlertRecorder
    from weatherd.pipeline.alerting.silencing import Silencing
    from weatherd.pipeline.forwarders.postgresql.past_reader import PastReader
    from weatherd.pipeline.latest import LatestObservations

    OpenPast = Callable[[], AbstractAsyncContextManager[PastReader]]

log = structlog.get_logger()


class AlertDesk:
    """The alerts of all cities. Cities without rules are not in it.

    A city that is new here, or whose rules were edited, is *cold* until :class:`Evaluator` has read its past: its
    observations wait. *find_health* returns what is known of the polls and warnings of a city at a POSIX time.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        recorder: AlertRecorder,
        silences: Silencing,
        latest: LatestObservations,
        *,
        now: Callable[[], datetime],
        load_edited: Callable[[Configuration], ParsedFile | None],
        sees_suspect: bool = False,
    ) -> None:
        self.rules = tuple(rules)
        self.load_edited = load_edited
        self.latest = latest
        self.now = now
        self.recorder = recorder
        self.silences = silences
        self._sees_suspect = sees_suspect
        self.find_health: Callable[[City, float], Health] = know_no_health
        self.cities: dict[str, City] = {}  # all that are listed, by id
        self.alerts: dict[str, CityAlerts] = {}  # by city id
        self.active: dict[str, dict[str, SavedAlert]] = {}  # by city id and rule: what is not inactive
        # By city id: the latest observation, and those that wait, with the times at which the rules are evaluated; None
        # if they were
        self.cold: dict[str, list[tuple[Observation, float | None]]] = {}
        self.completed: set[str] = set()  # ids of cities that become cold, because the journal has more of their past
        self.has_cold = asyncio.Event()
        self.is_waiting = False  # for rules without mistakes: until then, the alerts of an earlier run stay as they are
        self._is_failing = False
        self._following = asyncio.Lock()
        self.open_shared_past: OpenPast | None = None  # in a cluster with a shared table of observations
        self.on_unsilenced: Callable[[Sequence[Silence], float], None] = lambda _ended, _now: None

    def restore(self, saved: Iterable[SavedAlert]) -> None:
        """Take the states of an earlier run, before the first list is applied."""
        for state in saved:
            self.active.setdefault(state.city, {})[state.rule] = state

    def scan(self) -> Iterator[SavedAlert]:
        """Yield all alerts that are pending or firing, in no order."""
        for states in self.active.values():
            yield from states.values()

    def apply_diff(self, change: CityListDiff) -> None:
        """Apply an edit of the list of cities. The alerts of a city that was removed or has moved end."""
        if self.recorder.shared:
            change = self.recorder.shared.restrict(change)
        gone = change.removed | change.moved
        if not self.cities:  # after a start, those of cities that are not listed any more
            gone |= self.active.keys() - {city.id for city in change.cities} | self.latest.moved_in_stop
        for city_id in gone:
            self._end(city_id, self.active.get(city_id, {}))
            self.alerts.pop(city_id, None)
            self.cold.pop(city_id, None)
        for city_id in change.removed:
            del self.cities[city_id]
        self.cities |= change.added_or_changed
        self._place(change.added_or_changed.values())

    def take(self, cities: Sequence[City], saved: Iterable[SavedAlert]) -> None:
        """Take cities that another node polled until now, with the states of their alerts."""
        self.leave(city.id for city in cities)
        self.restore(saved)
        self.cities |= {city.id: city for city in cities}
        self._place(cities)

    def leave(self, city_ids: Iterable[str]) -> list[SavedAlert]:
        """Leave cities to another node: their alerts do not end. Return the states that they have."""
        left: list[SavedAlert] = []
        for city_id in list(city_ids):
            left += self.active.pop(city_id, {}).values()
            for known in (self.cities, self.alerts, self.cold):
                known.pop(city_id, None)
        return left

    def replace_rules(self, rules: Sequence[Rule]) -> None:
        """Replace the rules. A removed rule ends its alerts, and an edited condition those that are pending."""
        self.rules, self.is_waiting = tuple(rules), False
        self._place(self.cities.values())

    def show_suspect(self, *, sees_suspect: bool) -> None:
        """Show suspect values to the rules, or hide them."""
        if sees_suspect != self._sees_suspect:
            self._sees_suspect = sees_suspect
            self._place(self.cities.values())

    def is_at(self, city_id: str, place: RecordedPlace) -> bool:
        """Return whether a city is listed at the place of its latest observation in the journal."""
        city = self.cities.get(city_id)
        return city is not None and (city.lat, city.lon) == (place.lat, place.lon)

    def _place(self, cities: Iterable[City]) -> None:
        """Select the rules of cities, with the states that they have; the past is read later."""
        if self.is_waiting:
            return
        now = self.now().timestamp()
        for city, rule_set in select_rules(self.rules, cities, sees_suspect=self._sees_suspect):
            texts = {rule.name: rule.when.text for rule in rule_set.rules}
            kept: dict[str, SavedAlert] = {}
            ended: dict[str, SavedAlert] = {}
            for name, saved in self.active.get(city.id, {}).items():
                is_edited = saved.phase == AlertPhase.PENDING.value and saved.condition != texts.get(name)
                (ended if is_edited or name not in texts else kept)[name] = saved
            self._end(city.id, ended)
            self.cold.pop(city.id, None)
            self.alerts.pop(city.id, None)
            if rule_set.rules:
                states = {name: parse_state(saved) for name, saved in kept.items()}
                self.alerts[city.id] = CityAlerts(city, rule_set, states)
                latest = self.latest.get(city.id)
                self.cold[city.id] = [(latest, now)] if latest else []
        self.has_cold.set()

    def read_again(self, city_ids: Iterable[str]) -> None:
        """Read the past of cities again, to which observations were added in the journal."""
        self.completed.update(city_ids)
        self.has_cold.set()

    def _end(self, city_id: str, ended: Iterable[str]) -> None:
        """End alerts of a city whose rule or city was removed."""
        now = self.now().timestamp()
        for name in list(ended):
            saved = self.active[city_id].pop(name)
            self.recorder.record(end_alert(saved, now), None)
        if not self.active.get(city_id, True):
            del self.active[city_id]

    def evaluate_batch(self, batch: Sequence[FetchedObservation]) -> None:
        """Evaluate the rules of each observation's city, before the batch is stored. Repeats change nothing."""
        self.recorder.has_batch = True
        for alerts, city_id, now in add_batch(batch, self):
            self.evaluate(alerts, city_id, now)

    def evaluate(self, alerts: CityAlerts, city_id: str, now: float) -> None:
        """Evaluate the rules of a city at *now*, a POSIX time, and record what changes."""
        try:
            if alerts.needs_health:
                down_for, paused, severity = self.find_health(self.cities[city_id], now)
                changes = alerts.evaluate(now, down_for=down_for, provider_paused=paused, warning_severity=severity)
            else:
                changes = alerts.evaluate(now)
            for change in changes:
                city = self.cities[city_id]
                entry = make_entry(city, change, now, alerts.newest)
                known = self.active.get(city_id, {}).get(entry.rule)
                message, told = entry.message or (known.message if known else ""), known is None or known.told
                if change.event:
                    is_silenced = self.silences.find(entry.rule, city) is not None
                    mark, told = decide_sending(change.event, is_silenced=is_silenced, was_told=told)
                    entry = entry._replace(silenced=mark)
                self.record_state(entry.rule, city_id, make_saved(change.rule, city, change.after, message, told=told))
                self.recorder.record(entry, self.active.get(city_id, {}).get(entry.rule))
        except Exception as error:  # noqa: BLE001 - a bug in a rule must not end the pipeline
            self.report_failure(city_id, error)

    def report_failure(self, city_id: str, error: Exception) -> None:
        """Log that the rules of a city could not be evaluated, the first time as an error."""
        write = log.debug if self._is_failing else log.error
        write("alerts.failed", city=city_id, exc_info=error)
        self._is_failing = True

    def record_state(self, rule: str, city_id: str, saved: SavedAlert | None) -> None:
        """Record the state of an alert; None is inactive."""
        states = self.active.setdefault(city_id, {})
        if saved:
            states[rule] = saved
        else:
            states.pop(rule, None)
        if not states:
            del self.active[city_id]

    async def follow_silences(self) -> None:
        """Take what commands have added and ended, and notify of what is not silenced any more.

        Raises StateError while the journal cannot be read.
        """
        async with self._following:  # because the end of a silence counts once
            await apply_silences(self)

    def is_unknown(self, city_id: str, rule: Rule) -> bool:
        """Return whether the condition of a rule is unknown for a city now. One that fails is unknown."""
        alerts = self.alerts.get(city_id)
        try:
            return (
                alerts is None or rule.when.evaluate(alerts.newest_seen, self._collect_facts(alerts, city_id)) is None
            )
        except Exception:  # noqa: BLE001 - a bug in a rule, which evaluate() reports
            return True

    def read_values(self, city_id: str, rule_name: str) -> dict[str, ComparedValue]:
        """Return the values that the condition of a rule compares for a city now, by name."""
        alerts = self.alerts.get(city_id)
        if alerts is None or (rule := alerts.find_rule(rule_name)) is None:
            return {}
        return read_values(rule.when.node, alerts.newest_seen or NO_OBSERVATION, self._collect_facts(alerts, city_id))

    def _collect_facts(self, alerts: CityAlerts, city_id: str) -> CityFacts:
        city, now = self.cities[city_id], self.now().timestamp()
        return alerts.collect_facts(now, *(self.find_health if alerts.needs_health else know_no_health)(city, now))

    def may_deliver(self, entries: Iterable[AlertEntry]) -> bool:
        """Return whether this node may deliver events of alerts now, in a cluster."""
        shared = self.recorder.shared
        return shared is None or shared.outbox.may_send(MQTT_TARGET, entries)

    async def record_sent(self, entries: Sequence[AlertEntry]) -> None:
        """Record that events of alerts were delivered now."""
        if self.recorder.shared:
            self.recorder.shared.outbox.finish([MQTT_TARGET], entries)
        await self.recorder.sent.record(entries, self.now().timestamp())

    def drop_pending(self, alerts: CityAlerts, city_id: str) -> None:
        """End the pending alerts of a city whose last observation is too old to continue them after a start."""
        self._end(city_id, alerts.drop_pending())
