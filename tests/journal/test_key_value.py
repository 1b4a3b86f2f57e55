"""What a provider finds again."""

from __future__ import annotations

from datetime import timedelta

from tests.support.virtual_time import EPOCH
from weatherd.journal.key_value import KeyValueEntry, KeyValueStore

LATER = EPOCH + timedelta(hours=1)


def note(key: str, text: str) -> KeyValueEntry:
    """Return a note that is good for an hour."""
    return KeyValueEntry("fake", key, text, LATER.timestamp())


def test_a_text_is_found_at_once() -> None:
    """Nothing has to be written for that; another text takes its place, and a key that was never put has none."""
    memory = KeyValueStore("fake")
    memory.put("a", "one", LATER)
    memory.put("a", "two", LATER)
    assert (memory.get("a"), memory.get("b")) == ("two", None)
    memory.put("empty", "", LATER)
    assert memory.get("empty") == ""


def test_each_note_is_saved_once_as_it_was_put_last() -> None:
    """What is new is told each time, and taken one time."""
    changes: list[str | None] = []
    memory = KeyValueStore("fake", lambda: changes.append(memory.get("a")))
    memory.put("a", "one", LATER)
    memory.put("a", "two", LATER)
    memory.put("b", "three", LATER)
    assert changes == ["one", "two", "two"]  # it is there when it is told
    assert memory.take_unsaved() == [note("a", "two"), note("b", "three")]
    assert memory.take_unsaved() == []


def test_what_an_earlier_run_has_noted_is_found_and_not_saved_again() -> None:
    """It is on disk already."""
    memory = KeyValueStore("fake")
    memory.restore(note("a", "one"))
    assert memory.get("a") == "one"
    assert memory.take_unsaved() == []


def test_a_note_that_could_not_be_saved_is_saved_later_unless_there_is_a_newer_one() -> None:
    """Nothing is lost, and nothing old takes the place of what is new."""
    memory = KeyValueStore("fake")
    memory.put("a", "old", LATER)
    memory.put("b", "kept", LATER)
    notes = memory.take_unsaved()
    memory.put("a", "new", LATER)
    memory.restore_unsaved(notes)
    assert {saved.key: saved.text for saved in memory.take_unsaved()} == {"a": "new", "b": "kept"}
    assert memory.get("a") == "new"


def test_every_provider_has_its_own_keys() -> None:
    """A note knows whose it is."""
    one, other = KeyValueStore("one"), KeyValueStore("other")
    one.put("a", "text", LATER)
    assert other.get("a") is None
    assert [saved.namespace for saved in one.take_unsaved()] == ["one"]
