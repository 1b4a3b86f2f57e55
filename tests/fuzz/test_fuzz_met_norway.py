"""Corrupted responses and stored forecasts of MET Norway: the result is a valid observation or a ProviderError."""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.corruption import BODIES, assert_explained, count_found, draw_corrupted
from tests.fuzz.test_fuzz_parsers import NOW
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
SEED_DOCUMENT = {"properties": {"meta": {"units": {}}, "timeseries": STEPS}}
KEPT = parse_met_norway(Response(200, json.dumps(SEED_DOCUMENT).encode(), {"Last-Modified": "Thu, 01 Jan"}), None, AT)


def parse(status: int, body: bytes, kept: Forecast | None = None, at: float = AT) -> bool:
    """Return whether a body has current weather; it has to be a valid observation or an explained failure."""
    try:
        forecast = parse_met_norway(Response(status, body, {"Expires": "never", "Age": "-1"}), kept, at)
    except ProviderError as error:
        assert_explained(error)
        return False
    return has_current_weather(forecast, at)


def has_current_weather(forecast: Forecast, at: float = AT) -> bool:
    """Return whether a forecast has current weather, which has to be a valid observation."""
    step = forecast.step_at(at)
    if step:
        assert observation_from_step(KIEL, "met-norway", step, forecast).find_problem() is None
    return step is not None


@given(st.integers(200, 599), st.binary(max_size=200) | st.text(max_size=100).map(str.encode), st.booleans())
def test_any_bytes(status: int, body: bytes, known: bool) -> None:  # noqa: FBT001 - drawn
    """Bytes that are no forecast are an explained failure, except that 304 means the known forecast."""
    assert parse(status, body, KEPT if known else None) == (known and status == 304)


def test_corrupted_seeds() -> None:
    """A corrupted response has a valid observation or is an explained failure."""
    assert count_found(parse, [json.dumps(SEED_DOCUMENT).encode()], "met-norway") > BODIES / 20


def test_corrupted_recordings(recorded: Path) -> None:
    """A corrupted recorded response has a valid observation or is an explained failure."""
    body = (recorded / "metno" / "crafted_snow_two_steps_negative.json").read_bytes()
    at = datetime(2026, 1, 5, 7, 30, tzinfo=UTC).timestamp()
    assert count_found(functools.partial(parse, at=at), [body], "met-norway", 1000) > 1000 / 20


def test_corrupted_stored_forecasts() -> None:
    """A corrupted stored forecast is loaded as valid weather or not at all."""
    current = 0
    for text in draw_corrupted([KEPT.dump().encode()], "stored", 5000):
        forecast = load_forecast(text.decode(errors="replace"))
        current += forecast is not None and has_current_weather(forecast)
    assert 5000 / 20 < current < 5000
