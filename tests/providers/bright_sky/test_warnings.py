"""Warnings of the Deutscher Wetterdienst: their texts, and which of them concern one event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from weatherd.errors import ProviderError
from weatherd.official_warning import Severity, Urgency
from weatherd.providers.bright_sky.warnings import parse_bright_sky_warnings
from weatherd.warnings.difference import compare_warnings

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.official_warning import OfficialWarning

NOW = datetime(2026, 1, 1, 5, tzinfo=UTC)
ALERT: dict[str, Any] = {
    "id": 279977,
    "alert_id": "2.49.0.0.276.0.DWD.PVW.1.a",
    "effective": "2026-01-01T04:00:00+00:00",
    "onset": "2026-01-01T06:00:00+00:00",
    "expires": "2026-01-01T12:00:00+00:00",
    "response_type": "prepare",
    "urgency": "immediate",
    "severity": "moderate",
    "certainty": "likely",
    "event_code": 51,
    **{
        f"{name}_{language}": f"{name} {language}"
        for name in ("event", "headline", "description", "instruction")
        for language in ("en", "de")
    },
    "status": "actual",
}


def parse(*changes: dict[str, Any], language: str = "en") -> list[OfficialWarning]:
    """Return the warnings of a place with one alert for each of *changes*."""
    document = {
        "alerts": [ALERT | change for change in changes],
        "location": {"warn_cell_id": 801, "name": "Stadt Kiel"},
    }
    parsed = parse_bright_sky_warnings(document, language)
    assert not parsed.problems
    return parsed.warnings


def test_every_value() -> None:
    """A warning has the words of CAP, times in UTC, its commune, and a series instead of a key of its event."""
    [warning] = parse({})
    assert (warning.series, warning.event_key) == ("51", "51@2026-01-01T06:00Z")
    assert (warning.message_id, warning.event, warning.area) == (ALERT["alert_id"], "event en", "Stadt Kiel")
    assert (warning.severity, warning.urgency) == (Severity.MODERATE, Urgency.IMMEDIATE)
    assert warning.ends == datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_texts_are_in_the_language_of_the_reader() -> None:
    """They are German or English, and advice in the other language is better than none."""
    [german], [english] = parse({}, language="de"), parse({}, language="fr")
    assert (german.headline, german.instruction, german.language) == ("headline de", "instruction de", "de")
    assert (english.headline, english.instruction, english.language) == ("headline en", "instruction en", "en")
    assert parse({"instruction_en": None})[0].instruction == "instruction de"
    assert parse({"instruction_en": None, "instruction_de": None})[0].instruction == ""
    assert german.event == english.event  # it is a label of metrics


def test_a_reused_id_means_nothing() -> None:
    """``id`` is a number of the service's database: two alerts may have it one after the other."""
    first, second = parse({}), parse({"alert_id": "b", "event_code": 61})
    known = compare_warnings({}, first, NOW).known
    known, changes = compare_warnings(known, second, NOW)
    assert [change.kind.value for change in changes] == ["new"]
    assert len(known) == 2


def test_an_update_has_another_alert_id() -> None:
    """It continues the event of the same kind whose time overlaps; the new level is an update, the same a renewal."""
    known = compare_warnings({}, parse({}), NOW).known
    shifted = {"alert_id": "b", "onset": "2026-01-01T08:00:00+00:00", "severity": "severe"}
    known, changes = compare_warnings(known, parse(shifted), NOW)
    assert [change.kind.value for change in changes] == ["updated"]
    known, changes = compare_warnings(known, parse(shifted | {"alert_id": "c"}), NOW)
    assert [change.kind.value for change in changes] == ["renewed"]
    [change] = compare_warnings(
        known, parse(shifted, shifted | {"onset": "2026-01-01T18:00:00+00:00", "expires": None}), NOW
    ).changes[:1]
    assert change.kind == "renewed"


def test_tests_are_dropped() -> None:
    """The service also delivers test warnings; without a status, as earlier, a warning is meant."""
    assert parse({"status": "test"}) == []
    assert len(parse({"status": None})) == 1


def test_until_further_notice() -> None:
    """A warning without an end stays in force; the service's all-clear cancels it."""
    assert parse({"expires": None})[0].ends is None
    assert parse({"response_type": "allclear"})[0].is_cancelled


@pytest.mark.parametrize("document", [None, {}, {"detail": "x"}, {"alerts": None}, {"alerts": {}}])
def test_no_list_is_no_answer(document: Any) -> None:
    """Only an empty list means that there is no warning."""
    with pytest.raises(ProviderError, match="no list of warnings"):
        parse_bright_sky_warnings(document, "en")


def test_problems_do_not_hide_other_alerts() -> None:
    """An alert without an id is a problem; the others are warnings."""
    parsed = parse_bright_sky_warnings({"alerts": [None, 7, {"alert_id": "x"}, ALERT]}, "en")
    assert len(parsed.found) == 1
    assert len(parsed.problems) == 3


def test_recorded(recorded: Path) -> None:
    """Two warnings, the worst first, and a place without any."""
    folder = recorded / "brightsky"
    document = json.loads((folder / "sourceform_alerts_goettingen_two.json").read_bytes())
    rain, wind = parse_bright_sky_warnings(document, "de").warnings
    assert (rain.headline, rain.severity, wind.severity) == (
        "Amtliche WARNUNG vor STARKREGEN",
        Severity.MODERATE,
        Severity.MINOR,
    )
    assert (rain.area, wind.instruction) == ("Stadt Göttingen", "")
    none = json.loads((folder / "alerts_husum_none.json").read_bytes())
    assert parse_bright_sky_warnings(none, "de") == ([], [])
