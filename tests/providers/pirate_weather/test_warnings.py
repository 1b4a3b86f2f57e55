"""Official warnings of Pirate Weather: which entries are one warning, and which are one event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from weatherd.errors import ProviderError
from weatherd.official_warning import Severity
from weatherd.providers.pirate_weather.warnings import parse_pirate_weather_warnings
from weatherd.warnings.difference import compare_warnings

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.official_warning import OfficialWarning

NOW = datetime(2026, 1, 1, 5, tzinfo=UTC)
ALERT: dict[str, Any] = {
    "title": "Gale",
    "regions": ["Coast", "Islands"],
    "severity": "Severe",
    "time": 1767247200,  # 6:00
    "expires": 1767268800,  # 12:00
    "description": "Strong wind.",
    "uri": "https://host/a.xml",
}


def parse(*changes: dict[str, Any]) -> list[OfficialWarning]:
    """Return the warnings of a place with one alert for each of *changes*."""
    parsed = parse_pirate_weather_warnings({"alerts": [ALERT | change for change in changes]})
    assert not parsed.problems
    return parsed.warnings


def test_every_value() -> None:
    """A warning has the words of CAP and times in UTC; its time of issue and its language are unknown."""
    [warning] = parse({})
    assert (warning.event, warning.headline, warning.area) == ("Gale", "Gale", "Coast, Islands")
    assert (warning.severity, warning.sent, warning.language) == (Severity.SEVERE, None, "")
    assert (warning.onset, warning.ends) == (datetime(2026, 1, 1, 6, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert (warning.description, warning.url) == ("Strong wind.", "https://host/a.xml")


def test_equal_entries_are_one_warning() -> None:
    """They differ in the address alone, and may come in any order; -999 is no end."""
    twice = [{}, {"uri": "https://host/b.xml"}]
    assert parse(*twice) == parse(*reversed(twice))
    assert len(parse(*twice)) == 1
    assert len(parse({}, {"description": "Another text."})) == 2
    assert parse({"expires": -999})[0].ends is None


def test_an_update_continues_the_event() -> None:
    """It has the same title and regions, and its time overlaps; without a change for people it is silent."""
    known = compare_warnings({}, parse({}), NOW).known
    known, changes = compare_warnings(known, parse({"uri": "https://host/c.xml"}), NOW)
    assert [change.kind.value for change in changes] == ["renewed"]
    known, changes = compare_warnings(known, parse({"time": 1767254400, "expires": 1767276000}), NOW)
    assert [change.kind.value for change in changes] == ["updated"]


@pytest.mark.parametrize("document", [None, {}, {"alerts": None}, {"currently": {}}, []])
def test_no_list_is_no_answer(document: Any) -> None:
    """Only an empty list means that there is no warning."""
    with pytest.raises(ProviderError, match="no list of warnings"):
        parse_pirate_weather_warnings(document)


def test_problems_do_not_hide_other_alerts() -> None:
    """An alert without a title is a problem; odd values of others are unknown."""
    parsed = parse_pirate_weather_warnings({"alerts": [None, {}, {"title": "Fog", "time": "x", "regions": 5}]})
    assert len(parsed.problems) == 2
    [warning] = parsed.warnings
    assert (warning.event, warning.onset, warning.area) == ("Fog", None, "")


def test_recorded(recorded: Path) -> None:
    """Of four Norwegian entries two are equal; avalanches of two days are two events. London has none."""
    folder = recorded / "pirateweather"
    document = json.loads((folder / "tromso_2026_alerts_us_units.json").read_bytes())["data"]
    first, slush, second = parse_pirate_weather_warnings(document).warnings
    assert (first.event, second.event, slush.severity) == ("Snøskred", "Snøskred", Severity.MODERATE)
    assert not first.overlaps(second)
    assert len(compare_warnings({}, [first, slush, second], datetime(2026, 3, 18, 23, tzinfo=UTC)).known) == 3
    none = json.loads((folder / "london_2026_current.json").read_bytes())["data"]
    assert parse_pirate_weather_warnings(none) == ([], [])
