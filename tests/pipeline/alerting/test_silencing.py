"""The silences that a running daemon knows, and what it logs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.fakes import KIEL, VirtualJournal
from weatherd.alerts.silences import Silence
from weatherd.pipeline.alerting.silencing import Silencing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR = 3600.0


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[VirtualJournal]:
    """Return a journal."""
    yield (journal := VirtualJournal(tmp_path / "weatherd.sqlite"))
    journal.close()


def add_silence(journal: VirtualJournal, rule: str, ends_after: float, comment: str = "") -> int:
    """Store a silence that began an hour ago; return its number."""
    now = virtual_time.now().timestamp()
    return journal.store.silences.add(Silence(0, rule, None, (), now - HOUR, now + ends_after, comment))


def list_events(logs: list[Any]) -> list[tuple[str, int]]:
    """Return event and number of each line."""
    return [(line["event"], line["silence"]) for line in logs]


async def test_begin_and_end_are_logged_once(journal: VirtualJournal) -> None:
    """One that has ended before it was seen has no begin; one that is not deleted yet does not end again."""
    silencing = Silencing(journal, virtual_time.now)
    ended, lasting = add_silence(journal, "frost", -1.0), add_silence(journal, "gale", HOUR, "at sea")
    with capture_logs() as logs:
        await silencing.refresh()
        assert [silence.id for silence in silencing.ended] == [ended]
        assert silencing.finish_ended() == [ended]
        assert silencing.finish_ended() == []
        await silencing.refresh()
        assert silencing.finish_ended() == []
    assert list_events(logs) == [("alerts.silenced", lasting), ("alerts.silence_ended", ended)]
    assert (logs[0]["rule"], logs[0]["comment"]) == ("gale", "at sea")
    assert not logs[0].keys() & {"city", "tags"}
    assert silencing.find("frost", KIEL) is None


async def test_a_new_file_has_the_silences_in_force(journal: VirtualJournal, tmp_path: Path) -> None:
    """They count there although the numbers are those of silences that have ended, which are not added again."""
    silencing = Silencing(journal, virtual_time.now)
    ended, lasting = add_silence(journal, "frost", -1.0), add_silence(journal, "gale", HOUR)
    await silencing.refresh()
    silencing.finish_ended()
    silencing.restore()
    silencing._journal = new = VirtualJournal(tmp_path / "new.sqlite")
    with capture_logs() as logs:
        await silencing.refresh()
        other = add_silence(new, "heat", HOUR)
        await silencing.refresh()
    assert [(silence.id, silence.rule) for silence in silencing.in_force()] == [(ended, "gale"), (lasting, "heat")]
    assert list_events(logs) == [("alerts.silenced", ended), ("alerts.silenced", other)]
    new.close()
