"""Corrupted responses of the Aviation Weather Center: valid observations and stations, or a ProviderError."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.corruption import BODIES, SEED, assert_explained, count_found, draw_corrupted
from tests.fuzz.test_fuzz_parsers import NOW, TOO_LONG, assert_valid
from tests.support.fakes import KIEL
from weatherd import wmo
from weatherd.errors import ProviderError
from weatherd.http.response import Response, parse_json
from weatherd.providers.metar import record as metar_record
from weatherd.providers.metar.client import parse_metar_response, parse_station_response
from weatherd.providers.metar.record import StationReport
from weatherd.providers.metar.report import find_report_time, parse_report
from weatherd.providers.typed_values import decode_usual
from weatherd.providers.values import as_mapping

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.observation import Observation

pytestmark = pytest.mark.once

RAW = "METAR KXYZ 312351Z AUTO 24008G21KT 1 1/2SM -RA BR FEW003 BKN010CB M00/M01 A2960 RMK AO2 SLP021 P0004 T10021011"
RECORD: dict[str, Any] = {
    "icaoId": "KXYZ",
    "receiptTime": "2025-12-31T23:54:00.000Z",
    "obsTime": 1767225060,
    "reportTime": "2026-01-01T00:00:00.000Z",
    "temp": -0.2,
    "dewp": -1.1,
    "wdir": 240,
    "wspd": 8,
    "wgst": 21,
    "visib": 1.5,
    "altim": 1002.4,
    "slp": 1002.1,
    "precip": 0.04,
    "wxString": "-RA BR",
    "cover": "BKN",
    "clouds": [{"cover": "FEW", "base": 300}, {"cover": "BKN", "base": 1000}],
    "rawOb": RAW,
}
SEEDS: list[Any] = [
    [RECORD],
    [RECORD, RECORD | {"icaoId": "EDHK", "wdir": "VRB", "visib": "6+", "cover": None, "obsTime": 1767224000}],
    [{name: value for name, value in RECORD.items() if name not in ("temp", "altim", "slp", "obsTime")}],
    {"status": "error", "error": "Unexpected query parameter provided"},
]
SITES = [{"icaoId": "KXYZ", "lat": 40.1, "lon": -95, "siteType": ["METAR", "TAF"]}, {"icaoId": None, "siteType": []}]


def outcomes(response: Response) -> dict[str, Observation | ProviderError]:
    """Return the observation or the error of each station; an error of the response is that of no station."""
    try:
        reports = parse_metar_response(response, NOW)
    except ProviderError as error:
        return {"": error}
    return {
        station: report.observe(KIEL, NOW) if isinstance(report, StationReport) else report
        for station, report in reports.items()
    }


def parse(status: int, body: bytes) -> bool:
    """Return whether a body has a report; everything has to be a valid observation or an explained failure."""
    has_weather = False
    for found in outcomes(Response(status, body)).values():
        if isinstance(found, ProviderError):
            assert_explained(found)
            continue
        assert found.find_problem() is None
        assert_valid(found)
        assert found.code is None or found.code in wmo.DESCRIPTIONS
        has_weather = True
    return has_weather


@given(st.integers(100, 599) | st.just(200), st.binary())
def test_any_bytes(status: int, body: bytes) -> None:
    """Bytes that are no response of the service are an explained failure under any status."""
    assert not parse(status, body)


def test_corrupted_seeds() -> None:
    """A corrupted response has valid observations or is an explained failure."""
    assert count_found(parse, [json.dumps(seed).encode() for seed in SEEDS], "metar") > BODIES / 5


def test_corrupted_recordings(recorded: Path) -> None:
    """A corrupted recorded response has valid observations or is an explained failure."""
    bodies = [file.read_bytes() for file in sorted((recorded / "aviationweather").glob("*metar*"))]
    assert len(bodies) >= 6
    assert count_found(parse, bodies, "metar") > BODIES / 5


def test_the_usual_form_has_the_same_values_parsed_tolerantly() -> None:
    """A corrupted response is not of the usual form, or both ways of parsing it return equal reports."""
    usual_forms = 0
    for body in draw_corrupted([json.dumps(seed).encode() for seed in SEEDS[:3]], "both metar"):
        usual = decode_usual(metar_record._DECODER, body)
        if usual is None or TOO_LONG.search(body):
            continue
        usual_forms += 1
        for found, record in zip(usual, parse_json(body), strict=True):
            one, other = metar_record._build_usual(found, NOW), metar_record._parse_record(as_mapping(record), NOW)
            assert type(one[1]) is type(other[1]), body[:2000]
            if isinstance(one[1], StationReport) and isinstance(other[1], StationReport):
                assert (one[0], one[1][:3], [*one[1].values]) == (other[0], other[1][:3], [*other[1].values]), body[
                    :2000
                ]
    assert usual_forms > BODIES / 10


def test_corrupted_reports() -> None:
    """The text of a report has valid values and times, whatever its groups are."""
    draws, found = random.Random(f"{SEED} reports"), 0
    special = ("CAVOK", "9999", "////", "Q1002", "05/02", "00000KT", "VRB02MPS", "+TSRAGR", "\x00", "٣٤/٠٢")
    groups = [*RAW.split(), *special]
    for _ in range(BODIES):
        text = " ".join(draws.choices(groups, k=draws.randrange(20)))
        if draws.random() < 0.5 and text:
            index = draws.randrange(len(text))
            text = text[:index] + chr(draws.choice((32, 47, 48, 77, 90, 233, 0x663, 0xD800))) + text[index + 1 :]
        values = parse_report(text)
        find_report_time(text, NOW)
        assert {type(value) for value in values.values()} <= {float, str, type(None)}, text
        found += values["temperature"] is not None
    assert found > BODIES / 10


def test_corrupted_stations() -> None:
    """Stations have ids that are valid in a URL, and coordinates."""

    def parse_stations(status: int, body: bytes) -> int:
        try:
            airports = parse_station_response(Response(status, body), NOW)
        except ProviderError as error:
            assert_explained(error)
            return 0
        assert all(len(airport.id) == 4 and airport.id.isascii() and airport.id.isalnum() for airport in airports)
        assert all(abs(airport.lat) <= 90 and abs(airport.lon) <= 180 for airport in airports)
        return len(airports)

    assert count_found(parse_stations, [json.dumps(SITES).encode()], "metar stations") > BODIES / 10
