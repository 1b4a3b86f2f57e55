"""A daemon with alert rules, whose journal survives restarts and kills, and a provider that follows a curve."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Any, NoReturn, cast

from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.daemon import make_configuration, make_latest, make_parts
from tests.support.fakes import VirtualJournal, observation
from weatherd.alerts.builtin.daemon_rules import is_daemon_rule
from weatherd.alerts.rules_file import load_targets
from weatherd.alerts.silences import Silence
from weatherd.config.configuration import RetentionPeriods
from weatherd.config.sections.quality import QualitySection
from weatherd.daemon.lifecycle import run_daemon
from weatherd.daemon.monitor.list_sizes import ListSizes
from weatherd.journal.database import Database
from weatherd.journal.provider_state import ProviderState
from weatherd.journal.tables.silence_table import SilenceTable
from weatherd.pipeline.alerting.daemon_alerts import open_daemon_alerts
from weatherd.pipeline.alerting.opening import load_rules_in_force, open_alerts
from weatherd.pipeline.notifications.delivery import NotificationResources
from weatherd.pipeline.notifications.opening import NotificationTargets
from weatherd.polling.city_registry import CityRegistry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from weatherd.alerts.targets import NamedTarget
    from weatherd.city import City
    from weatherd.config.loader import Configuration
    from weatherd.daemon.status import DaemonStatus, ReloadResult
    from weatherd.http.session import Session
    from weatherd.journal.tables.alert_table import AlertEntry, AlertRows
    from weatherd.observation import FetchedObservation, Observation
    from weatherd.pipeline.alerting.desk import AlertDesk
    from weatherd.pipeline.notifications.sender import Sender
    from weatherd.providers import Provider

FOR_EVER = RetentionPeriods(None, None)
FROST = "alerts: {frost: {when: temperature < 0, until: temperature > 1, severity: error}}"


class CurveProvider:
    """Returns the temperature of a curve, a function of the loop's time; None is an error."""

    def __init__(self, curve: Callable[[float], float]) -> None:
        self._curve = curve

    async def fetch(self, city: City) -> Observation:
        """Return the temperature now."""
        time = asyncio.get_running_loop().time()
        at = virtual_time.now()
        return observation(city, observed_at=at, fetched_at=at, temperature=self._curve(time))


class KilledJournal(VirtualJournal):
    """A journal whose process is killed at a transaction, before or after it is committed."""

    def __init__(self, file: Path, kill_at: int | None, *, committed: bool) -> None:
        super().__init__(file)
        self._kill_at, self._committed = kill_at, committed
        self.killed = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []

    async def add(self, batch: Sequence[FetchedObservation], alerts: AlertRows | None = None) -> int:
        """Store a batch, or end the process."""
        if self._kill_at is None:
            return await super().add(batch, alerts)
        self._kill_at -= 1
        if self._kill_at < 0:
            await self._die()
        if self._kill_at == 0:
            if self._committed:
                await super().add(batch, alerts)
            await self._die()
        return await super().add(batch, alerts)

    def kill_later(self, transactions: int) -> None:
        """Kill the process before it commits that transaction from now on."""
        self._kill_at = transactions

    async def _die(self) -> NoReturn:
        self.killed.set()
        self._waiting.append(asyncio.get_running_loop().create_future())
        await self._waiting[-1]
        raise AssertionError

    async def bury(self) -> None:
        """End the calls that never return, and close the file."""
        for waiting in self._waiting:
            waiting.cancel()
        await asyncio.sleep(0)
        self.store.close()


class AlertLives:
    """Runs of a daemon with the same state folder."""

    def __init__(self, folder: Path, rules: str, cities: Sequence[City], curve: Callable[[float], float]) -> None:
        self.file = folder / "weatherd.sqlite"
        self.rules = folder / "alerts.yaml"
        self.rules.write_text(rules)
        self.cities = tuple(cities)
        self.provider: Provider = CurveProvider(curve)
        self.logs: list[Any] = []
        self.current: list[Any] = []  # of the run in progress
        self.desk: AlertDesk | None = None
        self.reload = asyncio.Event()
        self.quality = QualitySection()
        self.status: list[DaemonStatus] = []  # of each run
        self.providers: dict[str, Any] = {}  # further ones
        self.parts: dict[str, Any] = {}  # further ones of the daemon
        self.journal: KilledJournal  # of the run in progress
        self.senders: dict[str, Sender] = {}  # by target

    def configuration(self) -> Configuration:
        """Return the configuration as it is edited."""
        return make_configuration(*self.cities, alerts=str(self.rules), retention=FOR_EVER, quality=self.quality)

    async def live(self, seconds: float, kill_at: int | None = None, *, committed: bool = False) -> None:
        """Run for the given seconds, or until the process is killed at that transaction."""
        self.journal = journal = KilledJournal(self.file, kill_at, committed=committed)
        saved = journal.store.load(virtual_time.now().timestamp())
        state = ProviderState(saved, journal, virtual_time.now)
        latest, stop = make_latest(saved=saved.latest), asyncio.Event()
        configuration = self.configuration()
        loaded = await load_rules_in_force(configuration)
        daemon_alerts = await open_daemon_alerts(loaded.parsed.daemon, journal)
        self.desk = await open_alerts(loaded, journal, daemon_alerts, latest, virtual_time.now)
        registry = CityRegistry()
        resources = NotificationResources(
            journal,
            cast("Session", None),
            random.Random(0),
            virtual_time.now,
            registry.get,
            "UTC",
            daemon_alerts.recorder.find_waiting,
            daemon_alerts.recorder.sent,
        )
        targets = NotificationTargets(resources, self._open_sender)
        if not loaded.problems:
            targets.start(targets.prepare(load_targets(self.rules)))
            await targets.forget_others()
        parts = make_parts(
            configuration,
            {"fake": self.provider, **self.providers},
            journal=journal,
            latest=latest,
            alerts=self.desk,
            daemon_alerts=daemon_alerts,
            list_sizes=ListSizes(state.key_values("list of cities")),
            registry=registry,
            targets=targets,
            are_rules_rejected=bool(loaded.problems),
            serve=self._serve,
            load=lambda _: self.configuration(),
            **self.parts,
        )
        with capture_logs() as logs:
            self.current = logs
            task = asyncio.create_task(run_daemon(parts, stop=stop, reload=self.reload))
            killed = asyncio.create_task(journal.killed.wait())
            await asyncio.wait([task, killed], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if journal.killed.is_set():
                task.cancel()
            stop.set()
            await asyncio.wait([task])
            killed.cancel()
            if journal.killed.is_set():
                await journal.bury()
            state.cancel()
        self.logs += logs
        if not journal.killed.is_set():
            task.result()
            journal.close()

    @property
    def last_reload(self) -> ReloadResult:
        """Return the result of the last reload."""
        return self.status[-1].last_reload

    @contextlib.contextmanager
    def _open_sender(self, named: NamedTarget) -> Iterator[Sender]:
        yield self.senders[named.name]

    @contextlib.asynccontextmanager
    async def _serve(self, status: DaemonStatus) -> AsyncIterator[None]:
        self.status.append(status)
        yield

    def all_entries(self) -> list[AlertEntry]:
        """Return all changes in the journal."""
        journal = VirtualJournal(self.file)
        try:
            return journal.store.alerts.read_after(0, 10_000)
        finally:
            journal.close()

    def entries(self) -> list[AlertEntry]:
        """Return all changes of the rules of the rules file."""
        return [entry for entry in self.all_entries() if not is_daemon_rule(entry.rule)]

    def daemon_events(self) -> list[tuple[str, str, str]]:
        """Return rule, subject and event of what people are notified of about the daemon itself."""
        return [
            (entry.rule.removeprefix("daemon."), entry.city, entry.event)
            for entry in self.all_entries()
            if is_daemon_rule(entry.rule) and entry.event
        ]

    def events(self) -> list[tuple[str, str, str]]:
        """Return city, rule and event of what people are notified of."""
        return [(entry.city, entry.rule, entry.event) for entry in self.entries() if entry.event]

    def events_by_city(self) -> dict[str, list[str]]:
        """Return the events of each city, in order."""
        events: dict[str, list[str]] = {city.id: [] for city in self.cities}
        for city, _, event in self.events():
            events[city].append(event)
        return events

    def logged_now(self, event: str) -> list[Any]:
        """Return the log lines of an event in the run in progress."""
        return [line for line in self.current if line["event"] == event]

    def logged(self, event: str) -> list[Any]:
        """Return the log lines of an event."""
        return [line for line in self.logs if line["event"] == event]


async def silence_alerts(lives: AlertLives, seconds: float, rule: str | None = "frost", city: str | None = None) -> int:
    """Store a silence, as a command does in another process; return its number."""
    now = virtual_time.now().timestamp()
    with contextlib.closing(Database(lives.file)) as db:
        return SilenceTable(db).add(Silence(0, rule, city, (), now, now + seconds))
