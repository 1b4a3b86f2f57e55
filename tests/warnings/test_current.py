"""The warnings in force in each city, by complete and partial answers."""

from __future__ import annotations

from datetime import timedelta

from tests.support.official_warnings import storm
from tests.support.virtual_time import EPOCH
from weatherd.providers.warning_service import WarningAnswer
from weatherd.warnings.current import CurrentWarnings
from weatherd.warnings.difference import ChangeKind, EndReason


def test_a_partial_answer_ends_nothing() -> None:
    """What it does not include may be a warning by zone; the next complete answers end it."""
    current = CurrentWarnings()
    current.update("kiel", "fake", WarningAnswer([storm()]), EPOCH)
    for _ in range(3):
        assert not current.update("kiel", "fake", WarningAnswer([], is_partial=True), EPOCH)
    assert [found.warning for found in current.of_city("kiel", EPOCH)] == [storm()]
    changes = [change for _ in range(2) for change in current.update("kiel", "fake", WarningAnswer([]), EPOCH)]
    assert [change.change.kind.value for change in changes] == ["ended"]


def test_a_complete_answer_after_partial_ones_is_a_first_one() -> None:
    """Until then it is unknown whether there is a warning; old ones are no news, and those known are unchanged."""
    current, old, later = CurrentWarnings(), EPOCH - timedelta(hours=1), EPOCH + timedelta(hours=1)
    flood, frost = storm("flood"), storm("frost", sent=old)
    changes = current.update("kiel", "fake", WarningAnswer([flood], is_partial=True), EPOCH)
    assert [change.change.kind.value for change in changes] == ["new"]
    assert not current.has_answer("kiel", "fake")
    fog = storm("fog", sent=EPOCH + timedelta(minutes=1))  # issued while the zones were looked up
    changes = current.update("kiel", "fake", WarningAnswer([flood, frost, fog]), later)
    assert [change.change.kind.value for change in changes] == ["existing", "new"]
    assert current.has_answer("kiel", "fake")
    changes = current.update("kiel", "fake", WarningAnswer([flood, frost, fog, storm("late", sent=old)]), later)
    assert [change.change.kind.value for change in changes] == ["new"]


def test_a_city_is_forgotten_for_some_services() -> None:
    """The others still have their warnings."""
    current = CurrentWarnings()
    for provider in ("fake", "other", "third"):
        current.update("kiel", provider, WarningAnswer([storm(provider=provider)]), EPOCH)
    forgotten, changes = current.forget("kiel", EPOCH, ["other", "none"])
    assert forgotten == [("kiel", "other")]
    assert [found.warning.provider for found in current.of_city("kiel", EPOCH)] == ["fake", "third"]
    assert [(city, *change) for city, change in changes] == [
        ("kiel", ChangeKind.ENDED, storm(provider="other"), EndReason.NOT_FOLLOWED)
    ]
    forgotten, changes = current.forget("kiel", EPOCH)
    assert forgotten == [("kiel", "fake"), ("kiel", "third")]
    assert [change.warning.provider for _, change in changes] == ["fake", "third"]
    assert list(current.in_force(EPOCH)) == []
    assert current.forget("kiel", EPOCH) == ([], [])
