"""The stations near places: stored, and sorted by what was heard of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.fakes import new_key_values
from tests.support.virtual_time import EPOCH
from weatherd.providers.kit.station_memory import StationMemory


def open_memory(stored: str | None = None) -> tuple[StationMemory[str], list[timedelta]]:
    """Return a memory and the time that has passed, which a test may change."""
    passed, key_values = [timedelta()], new_key_values()
    if stored is not None:
        key_values.put("here", stored, EPOCH)
    memory: StationMemory[str] = StationMemory(
        key_values, lambda: EPOCH + passed[0], timedelta(days=1), lambda names: [name for name in names if name]
    )
    return memory, passed


def test_stations_are_stored_for_their_time() -> None:
    """An empty list is known, too; outdated stations are better than none where the service fails."""
    memory, passed = open_memory()
    assert memory.load("here") is None
    for stations in (["A", "B"], []):
        memory.save("here", stations)
        assert memory.load("here") == stations
    memory.save("here", ["A", ""])
    passed[0] = timedelta(days=1, seconds=1)
    assert memory.load("here") is None
    assert memory.load_outdated("here") == ["A"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", '{"found": 9e99, "stations": ["A"]}', '{"found": 1767225600}', "[" * 9999]
)
def test_a_damaged_entry_is_unknown(text: str) -> None:
    """A time in the future is that of a wrong clock."""
    memory, _ = open_memory(text)
    assert memory.load("here") is None


def test_a_preferred_station_is_first_for_an_hour() -> None:
    """Then the nearest one is tried again."""
    memory, passed = open_memory()
    assert memory.sort("here", ["A", "B", "C"]) == ["A", "B", "C"]
    memory.prefer("here", "C")
    assert memory.sort("here", ["A", "B", "C"]) == ["C", "A", "B"]
    assert memory.sort("there", ["A", "B", "C"]) == ["A", "B", "C"]
    passed[0] = timedelta(hours=1)
    assert memory.sort("here", ["A", "B", "C"]) == ["A", "B", "C"]


def test_silent_stations_are_discarded_after_an_hour() -> None:
    """Not at once, because a service may have an outage."""
    memory, passed = open_memory()
    memory.save("here", ["A"])
    memory.discard("here")
    assert memory.load("here") == ["A"]
    passed[0] = timedelta(hours=1, seconds=1)
    memory.discard("here")
    assert memory.load("here") is None
