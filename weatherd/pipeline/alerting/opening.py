"""Opening of the alerts of the daemon, and the rules file that they come from."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

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


class LoadedRules:
    """The text of the rules file that is in force, by which an edit is noticed."""

    def __init__(self) -> None:
        self._text: str | None = None

    def load(self, configuration: Configuration) -> tuple[Rule, ...] | None:
        """Return the rules that a configuration names, none if it names no file, or None if they are unchanged.

        Raises ConfigError with every mistake.
        """
        path = configuration.alerts_path
        text = reader.read_text(path) if path else ""
        if text == self._text:
            return None
        rules = parse_rules(text, str(path), configuration.settings.display) if path else ()
        self._text = text
        return rules


async def open_alerts(
    configuration: Configuration, journal: Journal, latest: LatestObservations, now: Callable[[], datetime]
) -> AlertDesk:
    """Load the rules, and the states of the last run.

    Raises ConfigError for mistakes in the rules, and StateError if the journal cannot be used.
    """
    loaded = LoadedRules()
    rules = await asyncio.to_thread(loaded.load, configuration)
    desk = AlertDesk(rules or (), journal, latest, now, loaded.load)
    saved, journal.alert_seq = await journal.call(lambda store: (store.alerts.load(), store.alerts.last_seq()))
    desk.restore(saved)
    save_others = journal.on_reopened

    def save_again() -> None:
        save_others()
        desk.recorder.restore(desk.scan())

    journal.on_reopened = save_again
    return desk
