"""Warnings of MET Norway: their levels and areas, and which of them concern one event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from weatherd.errors import ProviderError
from weatherd.official_warning import Severity
from weatherd.providers.met_norway.warnings import parse_met_norway_warnings
from weatherd.providers.warning_areas import Place, match_places
from weatherd.warnings.difference import compare_warnings

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 1, 5, tzinfo=UTC)
FEATURE: dict[str, Any] = {
    "geometry": {"type": "Polygon", "coordinates": [[[8, 58], [12, 58], [12, 62], [8, 62], [8, 58], [8, 58]]]},
    "when": {"interval": ["2026-01-01T06:00:00+00:00", "2026-01-01T12:00:00+00:00"]},
    "properties": {
        "id": "2.49.0.1.578.0.1.094",
        "type": "Alert",
        "title": "Gale, yellow level, Oslo, 2026-01-01T06:00:00+00:00, 2026-01-01T12:00:00+00:00",
        "area": "Oslo",
        "event": "gale",
        "awareness_level": "2; yellow; Moderate",
        "severity": "Moderate",
        "certainty": "Likely",
        "status": "Actual",
        "description": " Gale 15 m/s. ",
        "consequences": "High waves.",
        "instruction": "Stay ashore.",
        "geographicDomain": "marine",
        "altitude_above_sea_level": "0",
        "web": "https://www.met.no/x",
    },
}


def feature(**changes: Any) -> dict[str, Any]:
    """Return a warning, but for *changes* of its properties."""
    return FEATURE | {"properties": FEATURE["properties"] | changes}


def parse(*features: Any) -> Any:
    """Return the warnings in a collection, without their areas."""
    parsed = parse_met_norway_warnings({"features": list(features), "lang": "en"}, "en")
    assert not parsed.problems
    return parsed.warnings


def test_every_value() -> None:
    """A warning has the service's level, times in UTC, and a title without them."""
    [warning] = parse(FEATURE)
    assert (warning.series, warning.event_key) == ("gale/marine/Oslo", "gale/marine/Oslo@2026-01-01T06:00Z")
    assert (warning.headline, warning.description) == ("Gale, yellow level, Oslo", "Gale 15 m/s.\n\nHigh waves.")
    assert (warning.onset, warning.ends) == (datetime(2026, 1, 1, 6, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert (warning.url, warning.area, warning.language) == ("https://www.met.no/x", "Oslo", "en")


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"riskMatrixColor": "Red", "severity": "Moderate"}, Severity.EXTREME),
        ({"awareness_level": "3; orange; Severe", "severity": None}, Severity.SEVERE),
        ({"awareness_level": None, "severity": "Severe"}, Severity.SEVERE),
        ({"awareness_level": 7, "severity": 7}, Severity.UNKNOWN),
    ],
)
def test_the_colour_is_the_level(changes: dict[str, Any], severity: Severity) -> None:
    """It is the service's own scale; the severity counts if there is no colour."""
    assert parse(feature(**changes))[0].severity is severity


def test_an_update_has_another_id() -> None:
    """It continues the event of the same kind and area; the first message is gone then."""
    known = compare_warnings({}, parse(FEATURE), NOW).known
    update = feature(id="2", type="Update", riskMatrixColor="Orange")
    assert [change.kind.value for change in compare_warnings(known, parse(update), NOW).changes] == ["updated"]
    assert [change.kind.value for change in compare_warnings(known, parse(feature(id="2")), NOW).changes] == ["renewed"]
    assert parse(feature(type="Cancel"))[0].is_cancelled


def test_the_time_of_issue_is_in_the_id() -> None:
    """It is in UTC; an id of another form has none."""
    [warning] = parse(feature(id="2.49.0.1.578.0.20261031091759.065"))
    assert warning.sent == datetime(2026, 10, 31, 9, 17, 59, tzinfo=UTC)
    for name in ("2.49.0.1.578.0.20261331091759.065", "2.49.0.1.578.0.230223083612430.639", "20261031091759.065"):
        assert parse(feature(id=name))[0].sent is None


def test_tests_are_dropped() -> None:
    """A test is no warning."""
    assert parse(feature(status="Test")) == []


def test_no_area_is_a_problem() -> None:
    """It would concern nobody, or everybody."""
    parsed = parse_met_norway_warnings({"features": [FEATURE | {"geometry": None}, None, 7, FEATURE]}, "en")
    assert len(parsed.found) == 1
    assert len(parsed.problems) == 3


@pytest.mark.parametrize("document", [None, {}, {"features": None}, {"features": "x"}])
def test_no_list_is_no_answer(document: Any) -> None:
    """Only an empty list means that there is no warning."""
    with pytest.raises(ProviderError, match="no list of warnings"):
        parse_met_norway_warnings(document, "en")


def test_recorded(recorded: Path) -> None:
    """Altitudes are texts in one recording and numbers in the other; the area is a polygon at sea."""
    for name, inside in (
        ("metalerts_docexample_gale_update_marine.json", None),
        ("metalerts_gale_update_numbers.json", Place("at sea", 58.2, 8.4)),
    ):
        parsed = parse_met_norway_warnings(json.loads((recorded / "metno" / name).read_bytes()), "no")
        assert not parsed.problems
        assert parsed.warnings[0].severity is Severity.MODERATE
        if inside:
            places = [inside, Place("Oslo", 59.9, 10.75)]
            assert [len(found) for found in match_places(parsed.found, places).values()] == [1, 0]
    assert parse_met_norway_warnings(json.loads((recorded / "metno" / "metalerts_none.json").read_bytes()), "no") == (
        [],
        [],
    )
