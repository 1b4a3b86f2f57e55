"""Loading of the rules file, and opening of the alerts of the daemon."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from weatherd.alerts.rule import find_brokerless
from weatherd.alerts.rules_file import parse_rules
from weatherd.config.yaml import reader
from weatherd.pipeline.alerting.desk import AlertDesk

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from weatherd.alerts.rule import Rule
    from weatherd.config.loader import Configuration
    from weatherd.journal.journal import Journal
    from weatherd.pipeline.latest import LatestObservations


log = structlog.get_logger()


class LoadedRules:
    """The rules in force, and the text of their file, by which an edit is noticed."""

    def __init__(self) -> None:
        self.rules: tuple[Rule, ...] = ()
        self._text: str | None = None

    def load(self, configuration: Configuration) -> tuple[Rule, ...] | None:
        """Return the rules that a configuration names, none if it names no file, or None if they are unchanged.

        Raises ConfigError with every mistake.
        """
        path = configuration.alerts_path
        text = reader.read_text(path) if path else ""
        if text == self._text:
            return None
        self.rules = parse_rules(text, str(path), configuration.settings.display) if path else ()
        self._text = text
        if not configuration.settings.mqtt and (names := find_brokerless(self.rules)):
            log.warning("alerts.no_broker", rules=names)
        return self.rules


async def load_rules_in_force(configuration: Configuration) -> LoadedRules:
    """Load the rules that a configuration names. Raises ConfigError with every mistake."""
    loaded = LoadedRules()
    await asyncio.to_thread(loaded.load, configuration)
    return loaded


async def open_alerts(
    loaded: LoadedRules, journal: Journal, latest: LatestObservations, now: Callable[[], datetime]
) -> AlertDesk:
    """Load the states that the alerts of the rules had in the last run. Raises StateError."""
    desk = AlertDesk(loaded.rules, journal, latest, now, loaded.load)
    saved, journal.alert_seq = await journal.call(lambda store: (store.alerts.load(), store.alerts.last_seq()))
    desk.restore(saved)
    await desk.silences.refresh()
    save_others = journal.on_reopened

    def save_again() -> None:
        save_others()
        desk.recorder.restore(desk.scan())
        desk.silences.restore()

    journal.on_reopened = save_again
    return desk
