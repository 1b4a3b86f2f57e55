"""Corrupted responses and stored forecasts of MET Norway: the result is a valid observation or a ProviderError."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.test_fuzz_parsers import BODIES, NOW, SEED, assert_explained, corrupt_bytes, corrupt_values
from tests.support.fakes import KIEL
from weatherd.errors import ProviderError
from weatherd.http.response import Response
from weatherd.providers.met_norway.client import parse_met_norway
from weatherd.providers.met_norway.forecast import Forecast, load_forecast, observation_from_step

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

AT = NOW.timestamp()
DETAILS = {"air_temperature": -3.5, "wind_speed": 4, "relative_humidity": 91.5, "cloud_area_fraction": 100.0}
RAIN = {"summary": {"symbol_code": "lightssnowshowersandthunder_night"}, "details": {"precipitation_amount": 0.4}}
STEPS = [
    {"time": f"{NOW + timedelta(hours=n):%Y-%m-%dT%H:00:00Z}", "data": {"instant": {"details": DETAILS}, **after}}
    for n, after in enumerate([{"next_1_hours": RAIN}, {"next_6_hours": RAIN, "next_12_hours": RAIN}, {}])
]
SEEDS: list[Any] = [{"properties": {"meta": {"units": {}}, "timeseries": STEPS}}]
KEPT = parse_met_norway(Response(200, json.dumps(SEEDS[0]).encode(), {"Last-Modified": "Thu, 01 Jan"}), None, AT)


def parse(status: int, body: bytes, kept: Forecast | None = None) -> bool:
    """Return whether a body has current weather; it has to be a valid observation or an explained failure."""
    try:
        forecast = parse_met_norway(Response(status, body, {"Expires": "never", "Age": "-1"}), kept, AT)
    except ProviderError as error:
        assert_explained(error)
        return False
    return has_current_weather(forecast)


def has_current_weather(forecast: Forecast) -> bool:
    """Return whether a forecast has current weather, which has to be a valid observation."""
    step = forecast.step_at(AT)
    if step:
        assert observation_from_step(KIEL, "met-norway", step, forecast).find_problem() is None
    return step is not None


@given(st.integers(200, 599), st.binary(max_size=200) | st.text(max_size=100).map(str.encode), st.booleans())
def test_any_bytes(status: int, body: bytes, known: bool) -> None:  # noqa: FBT001 - drawn
    """Any bytes under any status are a forecast or an explained failure."""
    parse(status, body, KEPT if known else None)


def test_corrupted_documents() -> None:
    """A response with replaced values has a valid observation or is an explained failure."""
    draws, good = random.Random(SEED), 0
    for _ in range(BODIES // 5):
        good += parse(200, corrupt_values(draws.choice(SEEDS), draws))
    assert good


def test_corrupted_bytes() -> None:
    """A response with changed, cut or repeated bytes has a valid observation or is an explained failure."""
    draws = random.Random(SEED)
    for _ in range(BODIES // 5):
        parse(200, corrupt_bytes(json.dumps(draws.choice(SEEDS)).encode(), draws))


def test_corrupted_recordings(recorded: Path) -> None:
    """A corrupted recorded response has a valid observation or is an explained failure."""
    draws = random.Random(SEED)
    document = json.loads((recorded / "metno" / "crafted_snow_two_steps_negative.json").read_bytes())
    for _ in range(1000):
        parse(200, corrupt_values(document, draws))


def test_corrupted_stored_forecasts() -> None:
    """A corrupted stored forecast is loaded as valid weather or not at all."""
    draws = random.Random(SEED)
    for _ in range(5000):
        forecast = load_forecast(corrupt_values(json.loads(KEPT.dump()), draws).decode(errors="replace"))
        if forecast:
            has_current_weather(forecast)
