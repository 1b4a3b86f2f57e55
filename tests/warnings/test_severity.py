"""The severity of a city's warnings, as alert rules know it."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from tests.support.fakes import KIEL
from tests.support.official_warnings import storm
from tests.support.virtual_time import EPOCH
from weatherd.config.settings import Settings
from weatherd.official_warning import Severity
from weatherd.providers.warning_service import WarningAnswer
from weatherd.warnings.current import CurrentWarnings
from weatherd.warnings.desk import WarningDesk


def test_the_most_severe_warning_counts() -> None:
    """It is unknown before an answer, -1 without a warning in force, and else the highest severity."""
    current, pollers = CurrentWarnings(), [SimpleNamespace(name="fake", is_candidate=bool)]
    unused: Any = SimpleNamespace()
    parts: Any = (pollers, unused, current, Settings())
    desk, now = WarningDesk(*parts, registry=unused, find_city=lambda _: None, now=lambda: EPOCH), EPOCH
    assert desk.find_severity(KIEL, now) is None
    current.update("kiel", "fake", WarningAnswer([]), now)
    assert desk.find_severity(KIEL, now) == -1
    end = now + timedelta(hours=1)
    found = [storm("1", severity=Severity.MINOR, ends=end), storm("2", severity=Severity.EXTREME, ends=end)]
    current.update("kiel", "fake", WarningAnswer(found), now)
    assert desk.find_severity(KIEL, now) == 4
    assert desk.find_severity(KIEL, end + timedelta(minutes=1)) == -1


def test_a_city_whose_warnings_are_not_requested_has_none() -> None:
    """So an alert about a warning ends when the city, or its service, is switched off."""
    pollers = [SimpleNamespace(name="fake", is_candidate=lambda _: False)]
    unused: Any = SimpleNamespace()
    parts: Any = (pollers, unused, CurrentWarnings(), Settings())
    desk = WarningDesk(*parts, registry=unused, find_city=lambda _: None, now=lambda: EPOCH)
    assert desk.find_severity(KIEL, EPOCH) == -1
