"""Corrupted responses of Bright Sky: the result is a valid observation or a ProviderError."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.corruption import BODIES, assert_explained, count_found
from tests.fuzz.test_fuzz_parsers import NOW, assert_valid
from tests.support.fakes import KIEL
from weatherd.errors import ProviderError
from weatherd.http.response import Response
from weatherd.observation import Observation
from weatherd.providers.bright_sky.client import parse_bright_sky

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

WEATHER: dict[str, Any] = {
    "source_id": 4711,
    "timestamp": "2026-01-01T01:30:00+01:00",
    "temperature": -3.5,
    "condition": None,
    "icon": "sleet",
    "cloud_cover": 88,
    "relative_humidity": 81,
    "pressure_msl": 1002.5,
    "precipitation_60": 0.4,
    "visibility": 800,
    **{f"wind_speed_{minutes}": 4.25 for minutes in (10, 30, 60)},
    **{f"wind_direction_{minutes}": 359 for minutes in (10, 30, 60)},
    **{f"wind_gust_speed_{minutes}": None for minutes in (10, 30, 60)},
}
SEEDS: list[Any] = [
    {"weather": WEATHER, "sources": [{"id": 4711}]},
    {"weather": WEATHER | {"condition": "dry", "icon": "clear-day", "cloud_cover": None}},
    {"detail": [{"type": "x", "loc": ["query", "lat"], "msg": "Input should be less", "input": "91"}]},
    {"detail": "No sources match your criteria"},
]


def parse(status: int, body: bytes) -> bool:
    """Return whether a body has current weather; it has to be a valid observation or an explained failure."""
    try:
        found = parse_bright_sky(KIEL, Response(status, body), NOW)
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
    assert count_found(parse, [json.dumps(seed).encode() for seed in SEEDS], "bright-sky") > BODIES / 20


def test_corrupted_recordings(recorded: Path) -> None:
    """A corrupted recorded response has a valid observation or is an explained failure."""
    bodies = [file.read_bytes() for file in sorted((recorded / "brightsky").iterdir())]
    assert count_found(parse, bodies, "bright-sky") > BODIES / 20
