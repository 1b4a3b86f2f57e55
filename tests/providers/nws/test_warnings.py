"""Warnings of the National Weather Service: what an alert means, and which alerts concern one event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from weatherd.errors import Failure, ProviderError
from weatherd.official_warning import Certainty, Severity, Urgency, select_current
from weatherd.providers.nws.vtec import parse_vtec
from weatherd.providers.nws.warnings import parse_nws_warnings, parse_place_zones
from weatherd.providers.warning_areas import Place, match_places
from weatherd.warnings.difference import compare_warnings

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.official_warning import OfficialWarning

PROPERTIES: dict[str, Any] = {
    "id": "urn:oid:2.49.0.1.840.0.aa.001.1",
    "areaDesc": "Brown; Marshall",
    "geocode": {"SAME": ["046013"], "UGC": ["SDZ006"]},
    "affectedZones": ["https://api.weather.gov/zones/forecast/SDZ006"],
    "references": [],
    "sent": "2026-07-15T14:44:00-05:00",
    "onset": "2026-07-16T13:00:00-05:00",
    "expires": "2026-07-16T03:00:00-05:00",
    "ends": "2026-07-16T22:00:00-05:00",
    "status": "Actual",
    "messageType": "Alert",
    "severity": "Moderate",
    "certainty": "Likely",
    "urgency": "Expected",
    "event": "Heat Advisory",
    "headline": "Heat Advisory issued July 15 at 2:44PM CDT until July 16 at 10:00PM CDT by NWS Aberdeen SD",
    "description": "* WHAT...Heat index values up\nto 105 expected.\n\n* WHERE...Brown.",
    "instruction": "Drink plenty\nof fluids.",
    "response": "Execute",
    "parameters": {"VTEC": ["/O.NEW.KABR.HT.Y.0002.260716T1800Z-260717T0300Z/"]},
}


def parse(**changes: Any) -> list[OfficialWarning]:
    """Return the warnings of one alert, but for *changes* of its properties."""
    parsed = parse_nws_warnings({"features": [{"id": "https://host/alerts/1", "properties": PROPERTIES | changes}]})
    assert not parsed.problems
    return parsed.warnings


def utc(*numbers: int) -> datetime:
    """Return a time in UTC."""
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_every_value() -> None:
    """A message has its event's key, its own id, the words of CAP, times in UTC and texts without hard line breaks."""
    [warning] = parse()
    assert (warning.provider, warning.event_key, warning.series) == ("nws", "KABR.HT.Y.0002.2026", "KABR.HT.Y.0002")
    assert warning.message_id == PROPERTIES["id"]
    assert (warning.severity, warning.urgency, warning.certainty) == (
        Severity.MODERATE,
        Urgency.EXPECTED,
        Certainty.LIKELY,
    )
    assert (warning.sent, warning.onset) == (utc(2026, 7, 15, 19, 44), utc(2026, 7, 16, 18))
    assert warning.description == "* WHAT...Heat index values up to 105 expected.\n\n* WHERE...Brown."
    assert warning.instruction == "Drink plenty of fluids."
    assert warning.area == "Brown; Marshall"
    assert (warning.url, warning.language) == ("https://host/alerts/1", "en")
    assert not warning.is_cancelled


def test_expires_is_not_the_end() -> None:
    """It is when the text has to be renewed: it counts only if neither ``ends`` nor VTEC has an end."""
    assert parse()[0].ends == utc(2026, 7, 17, 3)
    assert parse(ends=None)[0].ends == utc(2026, 7, 17, 3)
    assert parse(parameters={})[0].ends == utc(2026, 7, 17, 3)
    assert parse(parameters={}, ends=None)[0].ends == utc(2026, 7, 16, 8)
    assert parse(parameters={}, ends=None, expires=None)[0].ends is None


def test_until_further_notice() -> None:
    """An event whose VTEC has no end does not end when its text expires."""
    [warning] = parse(ends=None, parameters={"VTEC": ["/O.NEW.KABR.FL.W.0007.260716T1800Z-000000T0000Z/"]})
    assert warning.ends is None
    assert warning.event_key == "KABR.FL.W.0007.2026"


def test_a_renewal_is_silent() -> None:
    """A renewed text has another id, time of issue and headline, and once the event has begun another onset."""
    continued = {"VTEC": ["/O.CON.KABR.HT.Y.0002.000000T0000Z-260717T0300Z/"]}
    sent, headline = (
        "2026-07-16T14:00:00-05:00",
        PROPERTIES["headline"].replace("July 15 at 2:44PM", "July 16 at 2:00PM"),
    )
    later = parse(id="urn:2", sent=sent, onset=sent, headline=headline, parameters=continued)
    known = compare_warnings({}, parse(), utc(2026, 7, 15, 20)).known
    [change] = compare_warnings(known, later, utc(2026, 7, 16, 20)).changes
    assert change.kind == "renewed"


def test_a_sequence_with_vtec() -> None:
    """NEW, CON with a new text, EXT and CAN are a new warning, two updates and an end, and no other event."""
    texts = {"CON": {"description": "Hotter."}, "EXT": {}, "CAN": {"response": "AllClear", "severity": "Minor"}}
    known = compare_warnings({}, parse(), utc(2026, 7, 15, 20)).known
    kinds = []
    for number, (action, changes) in enumerate(texts.items()):
        end, day = ("260718T0300Z", "17") if action != "CON" else ("260717T0300Z", "16")
        vtec = {"VTEC": [f"/O.{action}.KABR.HT.Y.0002.000000T0000Z-{end}/"]}
        ends = f"2026-07-{day}T22:00:00-05:00"
        answer = parse(id=f"urn:{number}", parameters=vtec, ends=ends, **{"description": "Hotter."} | changes)
        difference = compare_warnings(known, answer, utc(2026, 7, 16, 20))
        known = difference.known
        kinds += [change.kind.value for change in difference.changes]
    assert kinds == ["updated", "updated", "ended"]
    assert not known


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {"VTEC": ["/O.CAN.KABR.HT.Y.0002.000000T0000Z-260717T0300Z/"]}},
        {"parameters": {"VTEC": ["/O.EXP.KABR.HT.Y.0002.000000T0000Z-260717T0300Z/"]}},
        {"response": "AllClear"},
        {"urgency": "Past"},
        {"messageType": "Cancel"},
    ],
)
def test_cancellations_look_like_alerts(changes: dict[str, Any]) -> None:
    """Each of these signs ends the event, although the message type is Alert."""
    assert parse(**changes)[0].is_cancelled


def test_a_replaced_watch() -> None:
    """A message with two VTEC strings ends one event and begins another."""
    upgrade = {
        "VTEC": [
            "/O.UPG.KABR.WS.A.0001.260716T1800Z-260717T0300Z/",
            "/O.NEW.KABR.WS.W.0003.260716T1800Z-260717T0300Z/",
        ]
    }
    watch, warning = parse(parameters=upgrade)
    assert (watch.series, watch.is_cancelled) == ("KABR.WS.A.0001", True)
    assert (warning.series, warning.is_cancelled) == ("KABR.WS.W.0003", False)


@pytest.mark.parametrize(
    "changes",
    [
        *({"status": status} for status in ("Test", "Exercise", "System", "Draft")),
        {"parameters": {"VTEC": ["/T.NEW.KABR.HT.Y.0002.260716T1800Z-260717T0300Z/"]}},
    ],
)
def test_tests_are_dropped(changes: dict[str, Any]) -> None:
    """A test is no warning and no problem."""
    assert parse(**changes) == []


def test_events_without_vtec() -> None:
    """The first message identifies the event, also after it has expired; three alerts at once stay three events."""
    first, second = "urn:first", "urn:second"
    references = [
        {"identifier": second, "sent": "2026-07-15T10:00:00-05:00"},
        {"identifier": first, "sent": "2026-07-15T09:00:00-05:00"},
    ]
    assert parse(parameters={}, id=first)[0].event_key == first
    assert parse(parameters={}, references=references)[0].event_key == first
    expired = {
        "expiredReferences": [
            f"w@noaa.gov,{first},2026-07-15T09:00:00-05:00 w@noaa.gov,urn:x,2026-07-15T09:30:00-05:00"
        ]
    }
    assert parse(parameters=expired, references=references[:1])[0].event_key == first
    assert len({parse(parameters={}, id=f"urn:{number}")[0].event_key for number in range(3)}) == 3


def test_an_alert_sent_twice_is_one() -> None:
    """The service sends some alerts twice, byte for byte."""
    feature = {"id": "https://host/1", "properties": PROPERTIES}
    assert len(parse_nws_warnings({"features": [feature, feature]}).found) == 1


def test_problems_do_not_hide_other_alerts() -> None:
    """An alert that cannot be identified, or whose area cannot be read, is a problem; the others are warnings."""
    broken = {"properties": PROPERTIES, "geometry": {"type": "Polygon", "coordinates": []}}
    parsed = parse_nws_warnings(
        {"features": [None, {"properties": {"status": "Actual"}}, broken, {"properties": PROPERTIES}]}
    )
    assert len(parsed.found) == 1
    assert len(parsed.problems) == 3
    assert PROPERTIES["id"] in parsed.problems[2]


@pytest.mark.parametrize("document", [None, [], {}, {"features": None}, {"features": {}}, {"title": "Not Found"}])
def test_no_list_is_no_answer(document: Any) -> None:
    """Only an empty list means that there is no warning."""
    with pytest.raises(ProviderError, match="no list of warnings") as raised:
        parse_nws_warnings(document)
    assert raised.value.failure is Failure.MALFORMED
    assert parse_nws_warnings({"features": []}).found == []


def test_fire_zones_differ_from_forecast_zones() -> None:
    """They have the same codes. Without addresses of the zones, the codes are those of forecast zones and counties."""
    base = "https://api.weather.gov/zones"
    place = parse_place_zones(
        {
            "properties": {
                "forecastZone": f"{base}/forecast/COZ001",
                "county": f"{base}/county/COC015",
                "fireWeatherZone": 7,
            }
        }
    )
    assert place == {"forecast/COZ001", "county/COC015"}
    for changes, expected in (
        ({"affectedZones": [f"{base}/fire/COZ001"]}, frozenset({"fire/COZ001"})),
        ({"affectedZones": [], "geocode": {"UGC": ["COZ001", "COC015", "", 7]}}, place),
    ):
        [found] = parse_nws_warnings({"features": [{"properties": PROPERTIES | changes}]}).found
        assert found.zones == expected


@pytest.mark.parametrize("text", ["", "/O.NEW.KABR.HT.Y.2.260716T1800Z-260717T0300Z/", None, 7, ["/O"], "é" * 50])
def test_no_vtec(text: Any) -> None:
    """Anything else than VTEC is ignored."""
    assert parse_vtec(text) is None


def read(file: Path) -> list[OfficialWarning]:
    """Return the warnings of a recording."""
    document = json.loads(file.read_bytes())
    parsed = parse_nws_warnings(document.get("data", document))
    assert not parsed.problems
    return parsed.warnings


def test_recorded_segments(recorded: Path) -> None:
    """Three alerts about the zones of one event are one event."""
    warnings = read(recorded / "nws" / "alerts_heat_three_segments_one_event.json")
    assert len(warnings) == 3
    assert list(select_current(warnings)) == ["KABR.HT.Y.0002.2026"]


def test_recorded_cancellations(recorded: Path) -> None:
    """Cancelled alerts in the active list are never new."""
    warnings = read(recorded / "nws" / "alerts_cancelled_yet_in_active_list.json")
    assert all(warning.is_cancelled for warning in warnings)
    assert compare_warnings({}, warnings, utc(2026, 7, 15, 20)) == ({}, [])


def test_recorded_history(recorded: Path) -> None:
    """A watch is issued, updated, then cancelled: one event, with one end."""
    *_, cancel, update, alert = [
        [warning] for warning in read(recorded / "nws" / "alerts_history_watch_new_update_cancel.json")
    ]
    known, kinds = compare_warnings({}, [], utc(2025, 11, 25, 18)).known, []
    for answer in (alert, update, cancel):
        difference = compare_warnings(known, answer, utc(2025, 11, 25, 23))
        known = difference.known
        kinds += [change.kind.value for change in difference.changes]
    assert kinds[0] == "new"
    assert kinds[-1] == "ended"
    assert len(kinds) == 3


def test_recorded_point(recorded: Path) -> None:
    """``expires`` of the first alert is before its onset; the second has no end but its expiry."""
    heat, air = read(recorded / "nws" / "alerts_point_phoenix_2024_two.json")
    assert (heat.onset, heat.ends) == (utc(2024, 7, 19, 17), utc(2024, 7, 21, 3))
    assert (air.severity, air.ends) == (Severity.UNKNOWN, utc(2024, 7, 20, 4))
    assert read(recorded / "nws" / "alerts_point_none_with_headers.json") == []


def test_a_national_list(recorded: Path) -> None:
    """Each of 396 alerts reaches the places in its zones or its polygon, and no other; then one ends."""
    features = []
    for file in sorted((recorded / "nws").glob("alerts_*.json")):
        document = json.loads(file.read_bytes())
        features += document.get("data", document)["features"]
    national, places = [], []
    for number in range(396):
        feature = json.loads(json.dumps(features[number % len(features)]))
        properties = feature["properties"]
        properties |= {
            "id": f"urn:{number}",
            "references": [],
            "affectedZones": [f"https://x/zones/county/TXC{number:03}"],
        }
        properties["parameters"] = {"VTEC": [f"/O.NEW.KABR.HT.Y.{number:04}.260716T1800Z-000000T0000Z/"]}
        properties |= {"urgency": "Expected", "response": "Monitor", "messageType": "Alert", "ends": None}
        national.append(feature)
        places.append(Place(str(number), 0.0, 0.0, frozenset({f"county/TXC{number:03}"})))
    parsed = parse_nws_warnings({"features": national})
    with_polygon = {str(index) for index, found in enumerate(parsed.found) if found.polygons}
    corners = [found.polygons[0].rings[0] for found in parsed.found if found.polygons]
    matched = match_places(parsed.found, places)
    assert len(parsed.found) == 396
    assert 0 < len(with_polygon) < 396
    assert {place for place, warnings in matched.items() if not warnings} == with_polygon
    assert all(
        [warning.message_id for warning in warnings] == [f"urn:{place}"]
        for place, warnings in matched.items()
        if warnings
    )
    inside = Place(
        "inside", *(sum(values) / len(corners[0]) for values in reversed(list(zip(*corners[0], strict=True))))
    )
    assert match_places(parsed.found, [inside])["inside"]
    now = utc(2026, 7, 16)
    known = compare_warnings({}, parsed.warnings, now).known
    once = compare_warnings(known, parsed.warnings[1:], now)
    assert not once.changes
    [end] = compare_warnings(once.known, parsed.warnings[1:], now).changes
    assert end.warning.message_id == "urn:0"
