"""The key-value store: texts are found at once, and each is saved once."""

from __future__ import annotations

from datetime import timedelta

from tests.support.fakes import new_key_values
from tests.support.virtual_time import EPOCH
from weatherd.journal.key_value import KeyValueEntry, KeyValueStore

LATER = EPOCH + timedelta(hours=1)


def make_entry(key: str, text: str) -> KeyValueEntry:
    """Return an entry that expires in an hour."""
    return KeyValueEntry("fake", key, text, LATER.timestamp())


def test_a_text_is_found_at_once() -> None:
    """A text is found before it is saved; a second text replaces the first, and an unknown key has none."""
    store = new_key_values("fake")
    store.put("a", "one", LATER)
    store.put("a", "two", LATER)
    assert (store.get("a"), store.get("b")) == ("two", None)
    store.put("empty", "", LATER)
    assert store.get("empty") == ""
    assert store.as_dict() == {"a": "two", "empty": ""}


def test_only_the_last_text_of_a_key_is_saved() -> None:
    """Every change is reported when it can be read; each entry is taken for a save once."""
    changes: list[str | None] = []
    store = KeyValueStore("fake", lambda: changes.append(store.get("a")))
    store.put("a", "one", LATER)
    store.put("a", "two", LATER)
    store.put("b", "three", LATER)
    assert changes == ["one", "two", "two"]
    assert store.take_unsaved() == [make_entry("a", "two"), make_entry("b", "three")]
    assert store.take_unsaved() == []


def test_an_entry_of_an_earlier_run_is_not_saved_again() -> None:
    """An entry of an earlier run is found, and not saved again, because it is already on the disk."""
    store = new_key_values("fake")
    store.restore(make_entry("a", "one"))
    assert store.get("a") == "one"
    assert store.take_unsaved() == []


def test_an_entry_that_could_not_be_saved_is_saved_later() -> None:
    """The entry is saved again, unless a newer text was put for its key: then that one is saved."""
    store = new_key_values("fake")
    store.put("a", "old", LATER)
    store.put("b", "other", LATER)
    entries = store.take_unsaved()
    store.put("a", "new", LATER)
    store.restore_unsaved(entries)
    assert {unsaved.key: unsaved.text for unsaved in store.take_unsaved()} == {"a": "new", "b": "other"}
    assert store.get("a") == "new"


def test_namespaces_are_separate() -> None:
    """A key of one provider is unknown to another, and an entry names its provider."""
    one, other = new_key_values("one"), new_key_values("other")
    one.put("a", "text", LATER)
    assert other.get("a") is None
    assert [unsaved.namespace for unsaved in one.take_unsaved()] == ["one"]


def test_a_text_that_cannot_be_encoded_is_repaired() -> None:
    """A lone surrogate, as an escape in JSON may hold, cannot be saved: it becomes a question mark."""
    store = new_key_values("fake")
    store.put("a", "half \ud800", LATER)
    assert store.get("a") == "half ?"
