"""Loading of the rules file, and opening of the alerts of the daemon."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from weatherd.alerts.builtin.daemon_rules import DAEMON_RULES, is_daemon_rule
from weatherd.alerts.rule import find_brokerless
from weatherd.alerts.rules_file import ParsedFile, parse_file
from weatherd.config.yaml import reader
from weatherd.errors import ConfigError
from weatherd.pipeline.alerting.desk import AlertDesk
from weatherd.pipeline.alerting.silencing import Silencing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from weatherd.config.loader import Configuration
    from weatherd.errors import Problem
    from weatherd.journal.journal import Journal
    from weatherd.pipeline.alerting.daemon_alerts import DaemonAlerts
    from weatherd.pipeline.latest import LatestObservations


log = structlog.get_logger()


class LoadedRules:
    """The rules in force, and the text of their file, by which an edit is noticed."""

    def __init__(self) -> None:
        self.problems: tuple[Problem, ...] = ()  # for which the file, or a target in it, was rejected at the start
        self.parsed = ParsedFile((), DAEMON_RULES, ())
        self._text: str | None = None

    def load(self, configuration: Configuration) -> ParsedFile | None:
        """Return the rules that a configuration names, or None if they are unchanged.

        Without a file there are only the built-in ones.

        Raises ConfigError with every mistake.
        """
        path = configuration.alerts_path
        text = reader.read_text(path) if path else ""
        if text == self._text:
            return None
        display = configuration.settings.display
        self.parsed = parse_file(text, str(path), display) if path else ParsedFile((), DAEMON_RULES, ())
        self._text = text
        if not configuration.settings.mqtt and (names := find_brokerless(self.parsed.rules)):
            log.warning("alerts.no_broker", rules=names)
        return self.parsed

    def reject(self, error: ConfigError) -> None:
        """Log the mistakes at a start, which goes on: better weather without these alerts than neither."""
        self.problems = error.problems
        log.error("alerts.rejected", problems=[str(problem) for problem in error.problems])


async def load_rules_in_force(configuration: Configuration) -> LoadedRules:
    """Load the rules that a configuration names. With a mistake in the file, only the built-in ones are in force."""
    loaded = LoadedRules()
    try:
        await asyncio.to_thread(loaded.load, configuration)
    except ConfigError as error:
        loaded.reject(error)
    return loaded


async def open_alerts(
    loaded: LoadedRules,
    journal: Journal,
    daemon_alerts: DaemonAlerts,
    latest: LatestObservations,
    now: Callable[[], datetime],
    *,
    sees_suspect: bool = False,
) -> AlertDesk:
    """Load the states that the alerts of the rules had in the last run. Raises StateError.

    The silences apply to *daemon_alerts*, too.
    """
    silences, recorder = Silencing(journal, now), daemon_alerts.recorder
    desk = AlertDesk(
        loaded.parsed.rules,
        recorder,
        silences,
        latest,
        now=now,
        load_edited=loaded.load,
        sees_suspect=sees_suspect,
    )
    saved = await journal.call(lambda store: store.alerts.load())
    desk.restore(state for state in saved if not is_daemon_rule(state.rule))
    desk.is_waiting = bool(loaded.problems)
    await silences.refresh()
    daemon_alerts.is_silenced = lambda rule: silences.find(rule, None) is not None
    desk.on_unsilenced = daemon_alerts.notify_unsilenced
    recorder.restore_on_loss(desk.scan)
    restore_states = journal.on_reopened

    def save_again() -> None:
        restore_states()
        silences.restore()

    journal.on_reopened = save_again
    return desk
