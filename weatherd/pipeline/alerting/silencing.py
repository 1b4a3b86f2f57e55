"""The silences of the running daemon, which commands and the HTTP interface store in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from weatherd.alerts.silences import Silence, find_silence
from weatherd.formatting import format_rfc3339
from weatherd.pipeline.alerting.changes import to_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from weatherd.city import City
    from weatherd.journal.journal import Journal
    from weatherd.journal.tables.alert_table import AlertEntry

log = structlog.get_logger()


class Silencing:
    """The silences in force, and those that have ended since the last look. *now* is the time in UTC."""

    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._now = now
        self.known: tuple[Silence, ...] = ()  # in force, or ended since the last look
        self.ended: tuple[Silence, ...] = ()
        self._reported: set[int] = set()  # numbers of silences that were logged when they began
        self._finished: set[int] = set()  # numbers of silences whose end was taken into account
        self._lost: list[Silence] = []  # in force, and missing in a file that replaces a lost one

    def find(self, rule: str, city: City | None) -> Silence | None:
        """Return the silence of an alert that ends last; None if there is none."""
        return find_silence(self.known, rule, city, self._now().timestamp()) if self.known else None

    def in_force(self) -> list[Silence]:
        """Return the silences that have not ended."""
        now = self._now().timestamp()
        return [silence for silence in self.known if silence.ends > now]

    def restore(self) -> None:
        """Add the silences in force to a file that replaces a lost one, at the next look."""
        self._lost = self.in_force()
        self._finished.clear()
        self._reported.clear()

    async def refresh(self) -> list[AlertEntry]:
        """Load the silences; return the resolutions that are sent when one of them ends. Raises StateError."""
        while self._lost:
            await self._journal.call(lambda store: store.silences.add(self._lost[0]))
            del self._lost[0]
        loaded, held = await self._journal.call(lambda store: (store.silences.load(), store.alerts.read_held()))
        now = self._now().timestamp()
        self.known = tuple(silence for silence in loaded if silence.id not in self._finished)
        self.ended = tuple(silence for silence in self.known if silence.ends <= now)
        for silence in self.known:
            if silence.ends > now and silence.id not in self._reported:
                log.info("alerts.silenced", **_describe_silence(silence))
                self._reported.add(silence.id)
        return held

    def finish_ended(self) -> list[int]:
        """Forget the silences that have ended; return their numbers, to be deleted."""
        for silence in self.ended:
            log.info("alerts.silence_ended", **_describe_silence(silence))
        numbers = [silence.id for silence in self.ended]
        self._finished.update(numbers)
        self.ended = ()
        return numbers


def _describe_silence(silence: Silence) -> dict[str, Any]:
    """Return what the log has of a silence."""
    parts = {"rule": silence.rule, "city": silence.city, "tags": dict(silence.tags), "comment": silence.comment}
    until = format_rfc3339(to_time(silence.ends))
    return {"silence": silence.id, **{key: value for key, value in parts.items() if value}, "until": until}
