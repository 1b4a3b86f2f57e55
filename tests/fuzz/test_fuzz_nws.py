"""Spoilt answers of the National Weather Service: sound observations and stations, or a ProviderError."""

from __future__ import annotations

import contextlib
import json
import random
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.test_fuzz_parsers import BODIES, NOW, SEED, assert_explained, assert_honest, spoil_bytes, spoil_values
from tests.support.fakes import KIEL
from tests.support.virtual_time import run
from weatherd.errors import ProviderError
from weatherd.http.response import Response, parse_json
from weatherd.journal.key_value import KeyValueStore
from weatherd.observation import Observation
from weatherd.providers.nws.client import parse_nws
from weatherd.providers.nws.stations import StationFinder, format_coordinates
from weatherd.providers.values import as_mapping

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

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
NOTE = {"found": NOW.timestamp(), "stations": ["K0", "K1"]}


def parse(status: int, body: bytes) -> bool:
    """Parse, and tell whether it is weather; it is sound, or it is said why there is none."""
    try:
        found = parse_nws(KIEL, Response(status, body), NOW)
    except ProviderError as error:
        assert_explained(error)
        return False
    assert isinstance(found, Observation)
    assert found.find_problem() is None
    assert_honest(found)
    return True


def fuzz(bodies: list[bytes]) -> None:
    """Feed spoilt bodies to the parser; a fair part of them should still be weather, or nothing is tested."""
    dice = random.Random(f"{SEED} nws")
    documents = []
    for body in bodies:
        with contextlib.suppress(ValueError):
            documents.append(json.loads(body))
    weather = 0
    for _ in range(BODIES):
        by_value = dice.random() < 0.5
        body = spoil_values(dice.choice(documents), dice) if by_value else spoil_bytes(dice.choice(bodies), dice)
        status = 200 if dice.random() < 0.9 else dice.randrange(100, 600)
        try:
            weather += parse(status, body)
        except Exception as error:
            error.add_note(f"{status}: {body[:2000]!r}")  # is what a person needs to see
            raise
    assert weather > BODIES / 20


@given(st.integers(100, 599) | st.just(200), st.binary())
def test_any_bytes(status: int, body: bytes) -> None:
    """Whatever comes, under whatever status."""
    parse(status, body)


def test_bodies_of_our_own() -> None:
    """Whatever becomes of an answer on its way, the parser says what it holds or that it holds nothing."""
    fuzz([json.dumps(seed).encode() for seed in SEEDS])


def test_recorded_bodies(recorded: Path) -> None:
    """The same with recorded observations and problems, the two kinds of response to a request for an observation."""
    kinds = ("kcnk_*.json", "pynws_stations_observations*.json", "problem_[0-9]*.json")
    bodies = [file.read_bytes() for kind in kinds for file in sorted((recorded / "nws").glob(kind))]
    assert len(bodies) >= 14
    fuzz([body for body in bodies if len(body) < 6000])  # a damaged copy of a larger one takes too long to make


def spoil(document: Any, dice: random.Random) -> bytes:
    """Spoil a document in one way or the other, or not at all."""
    body = json.dumps(document).encode()
    return dice.choice((lambda: body, lambda: spoil_values(document, dice), lambda: spoil_bytes(body, dice)))()


async def search(dice: random.Random) -> list[str]:
    """Look for the stations of a place, with a spoilt memory and a service that says spoilt things."""
    memory = KeyValueStore("nws")
    if dice.random() < 0.5:
        note = spoil(NOTE, dice).decode(errors="replace")
        memory.put(format_coordinates(KIEL), note, NOW + timedelta(days=1))

    async def ask(path: str) -> dict[str, Any]:
        assert re.fullmatch("/[A-Za-z0-9_,./-]+", path)
        return as_mapping(parse_json(spoil(POINT if path.startswith("/points/") else NEAR, dice)))

    stations = StationFinder(ask, memory, lambda: NOW)
    found = await stations.find(KIEL)
    assert await stations.find(KIEL) == found
    stations.forget(KIEL)
    return found


def test_stations() -> None:
    """There are one to five ids that can be part of an address, or it is said why there are none."""
    dice = random.Random(f"{SEED} stations")

    async def searches() -> int:
        successes = 0
        for _ in range(BODIES // 5):
            try:
                found = await search(dice)
            except ProviderError as error:
                assert_explained(error)
            else:
                assert 1 <= len(found) <= 5
                assert all(re.fullmatch("[A-Za-z0-9_-]{1,20}", station) for station in found)
                successes += 1
        return successes

    assert BODIES / 20 < run(searches()) < BODIES / 5
