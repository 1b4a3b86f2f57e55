"""Corrupted responses of the National Weather Service: valid observations and stations, or a ProviderError."""

from __future__ import annotations

import json
import random
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.corruption import BODIES, SEED, assert_explained, corrupt_bytes, corrupt_values, count_found
from tests.fuzz.test_fuzz_parsers import NOW, assert_valid
from tests.support.fakes import KIEL, new_key_values
from tests.support.virtual_time import run
from weatherd.errors import ProviderError
from weatherd.http.response import Response, parse_json
from weatherd.observation import Observation
from weatherd.providers.nws.client import parse_nws
from weatherd.providers.nws.stations import StationFinder, format_coordinates
from weatherd.providers.values import as_mapping

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

SEARCHES = 5000

CELSIUS = {"unitCode": "wmoUnit:degC", "value": -3.5, "qualityControl": "V"}
PROPERTIES: dict[str, Any] = {
    "station": "https://api.weather.gov/stations/KXYZ",
    "timestamp": "2025-12-31T18:53:00-06:00",
    "textDescription": None,
    "icon": "/icons/land/night/snow,40?size=medium",
    "presentWeather": [{"intensity": "light", "modifier": None, "weather": "fog_mist", "inVicinity": False}],
    "temperature": CELSIUS,
    "windSpeed": {"unitCode": "wmoUnit:km_h-1", "value": "18", "qualityControl": "Z"},
    "seaLevelPressure": {"unitCode": "unit:Pa", "value": 100250, "qualityControl": "qc:C"},
    "visibility": {"unitCode": "wmoUnit:m", "value": 800},
    "precipitationLastHour": {"unitCode": "wmoUnit:mm", "value": 0.4},
    "windChill": CELSIUS,
    "cloudLayers": [{"base": {"value": 300}, "amount": "FEW"}, {"amount": "OVC"}],
}
SEEDS: list[Any] = [
    {"type": "Feature", "properties": PROPERTIES},
    {"properties": PROPERTIES | {"presentWeather": [], "cloudLayers": []}},
    {"title": "Not Found", "type": "https://api.weather.gov/problems/InvalidPoint", "status": 404, "detail": "none"},
]
POINT = {"properties": {"observationStations": "https://api.weather.gov/gridpoints/TOP/45,52/stations"}}
NEAR = {"features": [{"properties": {"stationIdentifier": f"K{n}"}} for n in range(4)]}
ENTRY = {"found": NOW.timestamp(), "stations": ["K0", "K1"]}


def parse(status: int, body: bytes) -> bool:
    """Return whether a body has current weather; it has to be a valid observation or an explained failure."""
    try:
        found = parse_nws(KIEL, Response(status, body), NOW)
    except ProviderError as error:
        assert_explained(error)
        return False
    assert isinstance(found, Observation)
    assert found.find_problem() is None
    assert_valid(found)
    return True


@given(st.integers(100, 599) | st.just(200), st.binary())
def test_any_bytes(status: int, body: bytes) -> None:
    """Bytes that are no response of the service are an explained failure under any status."""
    assert not parse(status, body)


def test_corrupted_seeds() -> None:
    """A corrupted response has a valid observation or is an explained failure."""
    assert count_found(parse, [json.dumps(seed).encode() for seed in SEEDS], "nws") > BODIES / 20


def test_corrupted_recordings(recorded: Path) -> None:
    """A corrupted recorded observation or problem has a valid observation or is an explained failure."""
    kinds = ("kcnk_*.json", "pynws_stations_observations*.json", "problem_[0-9]*.json")
    bodies = [file.read_bytes() for kind in kinds for file in sorted((recorded / "nws").glob(kind))]
    assert len(bodies) >= 14
    small = [body for body in bodies if len(body) < 6000]  # because corrupting larger ones takes too long
    assert count_found(parse, small, "nws") > BODIES / 20


def corrupt(document: Any, rng: random.Random) -> bytes:
    """Return the document as JSON, with corrupted values or bytes, or unchanged."""
    body = json.dumps(document).encode()
    return rng.choice((lambda: body, lambda: corrupt_values(document, rng), lambda: corrupt_bytes(body, rng)))()


async def search(rng: random.Random) -> list[str]:
    """Find the stations of a place, with a corrupted stored entry and a service whose responses are corrupted."""
    key_values = new_key_values("nws")
    if rng.random() < 0.5:
        entry = corrupt(ENTRY, rng).decode(errors="replace")
        key_values.put(format_coordinates(KIEL), entry, NOW + timedelta(days=1))

    async def fetch(path: str) -> dict[str, Any]:
        assert re.fullmatch("/[A-Za-z0-9_,./-]+", path)
        return as_mapping(parse_json(corrupt(POINT if path.startswith("/points/") else NEAR, rng)))

    stations = StationFinder(fetch, key_values, lambda: NOW)
    found = await stations.find(KIEL)
    assert await stations.find(KIEL) == found
    stations.forget(KIEL)
    return found


def test_stations() -> None:
    """The result is one to five ids that are valid in a URL, or an explained failure."""
    rng = random.Random(f"{SEED} stations")

    async def searches() -> int:
        successes = 0
        for _ in range(SEARCHES):
            try:
                found = await search(rng)
            except ProviderError as error:
                assert_explained(error)
            else:
                assert 1 <= len(found) <= 5
                assert all(re.fullmatch("[A-Za-z0-9_-]{1,20}", station) for station in found)
                successes += 1
        return successes

    assert SEARCHES / 4 < run(searches()) < SEARCHES
