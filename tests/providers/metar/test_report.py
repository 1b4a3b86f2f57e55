"""The text of a METAR, where other decoders are wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from weatherd.providers.metar.report import find_report_time, parse_report

ORDINARY = "METAR EDDH 271150Z 24008G21KT 4000 -RA BR SCT010 BKN020CB 05/02 Q0987 NOSIG"
VALUES = {
    "temperature": 5.0,
    "dew_point": 2.0,
    "pressure_msl": 987.0,
    "wind_direction": 240.0,
    "wind_speed": 4.115555556,
    "wind_gust": 10.803333333,
    "visibility": 4000.0,
    "weather": "-RA BR",
    "cover": "BKN",
}


def known(text: str) -> dict[str, Any]:
    """Return what a report has."""
    return {name: value for name, value in parse_report(text).items() if value not in (None, "")}


def with_groups(*groups: str) -> dict[str, Any]:
    """Return what a report with these groups has."""
    return known(" ".join(["METAR EDDH 271150Z", *groups]))


def test_an_ordinary_report() -> None:
    """Each group has its value."""
    assert known(ORDINARY) == VALUES
    assert known(ORDINARY.removeprefix("METAR ")) == VALUES


def test_slashes_are_unknown() -> None:
    """What an automatic station cannot measure is None, and costs no other value."""
    silent = "METAR EDDK 271150Z AUTO /////KT //// // ////// ///// Q////"
    assert known(silent) == {}
    assert known(silent.replace(" ///// ", " 05/02 ")) == {"temperature": 5.0, "dew_point": 2.0}
    assert with_groups("240//KT", "05///") == {"wind_direction": 240.0, "temperature": 5.0}


@pytest.mark.parametrize(
    ("group", "speed", "gust"),
    [
        ("36010KT", 5.144444444, None),
        ("36018KMH", 5.0, None),
        ("36004MPS", 4.0, None),
        ("36010G20MPS", 10.0, 20.0),
        ("360P99KT", 50.93, None),
        ("360P49MPS", 49.0, None),
        ("36020GP99KT", 10.288888889, 50.93),
        ("36010FPS", None, None),
    ],
)
def test_the_unit_of_the_wind(group: str, speed: float | None, gust: float | None) -> None:
    """Knots, m/s and km/h are converted, a bound counts as the value; another unit is no wind."""
    found = with_groups(group)
    assert (found.get("wind_speed"), found.get("wind_gust")) == (speed, gust)
    assert found.get("wind_direction") == (None if speed is None else 360.0)


def test_calm_and_variable_wind_have_no_direction() -> None:
    """North is 360."""
    assert with_groups("00000KT") == {"wind_speed": 0.0}
    assert with_groups("VRB02KT", "180V240") == {"wind_speed": 1.028888889}


@pytest.mark.parametrize(
    ("groups", "meters"),
    [
        ("9999", 10_000.0),
        ("9999NDV", 10_000.0),
        ("CAVOK", 10_000.0),
        ("P6SM", 9656.064),
        ("10SM", 16_093.44),
        ("M1/4SM", 402.336),
        ("1/2SM", 804.672),
        ("1 1/2SM", 2414.016),
        ("0150", 150.0),
        ("3000NDV", 3000.0),
        ("0000", 0.0),
        ("////", None),
        ("////SM", None),
    ],
)
def test_visibilities(groups: str, meters: float | None) -> None:
    """In metres or statute miles; a bound counts as the value."""
    found = with_groups("24008KT", groups, "05/02")
    assert found.get("visibility") == meters
    assert found["temperature"] == 5.0


@pytest.mark.parametrize("place", range(3, 12))
@pytest.mark.parametrize("group", ["XYZ", "R23/0600N", "////", "12", "WS", "RERA", "TEMPO1", "9/9", "(", "ÄÖ"])
def test_an_unknown_group_costs_no_other_value(place: int, group: str) -> None:
    """Wherever it is."""
    groups = ORDINARY.split()
    assert known(" ".join([*groups[:place], group, *groups[place:]])) == VALUES


def test_a_trend_is_not_observed() -> None:
    """What follows NOSIG, TEMPO or BECMG is a forecast, but not the remarks after it."""
    text = "METAR EDDH 271150Z 24008KT CAVOK 05/02 Q0987 TEMPO 27030KT 0800 +TSRA BKN005 RMK T00490021"
    found = known(text)
    assert (found["visibility"], found["cover"], "weather" in found) == (10_000.0, "CAVOK", False)
    assert (found["temperature"], found["dew_point"]) == (4.9, 2.1)


@pytest.mark.parametrize(
    ("groups", "pressure"),
    [
        ("Q1013", 1013.0),
        ("A3035", 1027.8),
        ("A2823 RMK AO2 SLP560", 956.0),
        ("A3118 RMK AO2 SLP560", 1056.0),
        ("A3000 RMK SLP162 T01440028", 1016.2),
        ("Q0987 RMK A2960", 987.0),
        ("RMK A2960", None),
        ("Q0987 RMK SLPNO", 987.0),
    ],
)
def test_the_pressure_at_sea_level(groups: str, pressure: float | None) -> None:
    """SLP, else the altimeter of the body, never of the remarks; SLP's hundreds are those nearer to the altimeter."""
    assert with_groups(groups).get("pressure_msl") == pressure


def test_signs_and_tenths_of_temperatures() -> None:
    """M00 is 0.0 without a sign, and the tenths of the remarks are more exact than whole degrees."""
    for text in ("M00/M01", "00/M01"):
        found = with_groups(text)
        assert (str(found["temperature"]), found["dew_point"]) == ("0.0", -1.0)
    assert with_groups("M01/M02", "RMK", "T10111022") == {"temperature": -1.1, "dew_point": -2.2}
    assert str(with_groups("RMK", "T10001001")["temperature"]) == "0.0"
    assert with_groups("M12/") == {"temperature": -12.0}


@pytest.mark.parametrize(
    ("group", "now", "expected"),
    [
        ("010005Z", datetime(2026, 11, 30, 23, 50, tzinfo=UTC), datetime(2026, 12, 1, 0, 5, tzinfo=UTC)),
        ("302350Z", datetime(2026, 12, 1, 0, 10, tzinfo=UTC), datetime(2026, 11, 30, 23, 50, tzinfo=UTC)),
        ("312350Z", datetime(2027, 1, 1, 0, 10, tzinfo=UTC), datetime(2026, 12, 31, 23, 50, tzinfo=UTC)),
        ("010005Z", datetime(2026, 12, 31, 23, 50, tzinfo=UTC), datetime(2027, 1, 1, 0, 5, tzinfo=UTC)),
        ("111200Z", datetime(2026, 11, 27, 12, 0, tzinfo=UTC), datetime(2026, 11, 11, 12, 0, tzinfo=UTC)),
        ("181200Z", datetime(2026, 11, 27, 12, 0, tzinfo=UTC), datetime(2026, 11, 18, 12, 0, tzinfo=UTC)),
        ("311200Z", datetime(2026, 11, 27, 12, 0, tzinfo=UTC), None),
        ("291200Z", datetime(2027, 2, 28, 12, 0, tzinfo=UTC), None),
        ("291200Z", datetime(2028, 2, 29, 12, 10, tzinfo=UTC), datetime(2028, 2, 29, 12, 0, tzinfo=UTC)),
        ("271301Z", datetime(2026, 11, 27, 12, 0, tzinfo=UTC), None),
        ("272460Z", datetime(2026, 11, 27, 23, 59, tzinfo=UTC), None),
        ("2712Z", datetime(2026, 11, 27, 12, 0, tzinfo=UTC), None),
    ],
)
def test_the_day_of_the_month(group: str, now: datetime, expected: datetime | None) -> None:
    """It is the latest such day, at most an hour ahead, also at the turn of a month or a year."""
    assert find_report_time(f"METAR EDDH {group} 00000KT", now) == expected
