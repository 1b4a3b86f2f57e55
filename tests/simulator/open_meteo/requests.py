"""Requests to the simulated Open-Meteo, shared by its tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from weatherd.simulator.open_meteo.forecast import handle_forecast
from weatherd.simulator.sky.clock import WeatherClock

NOW = datetime(2026, 8, 21, 12, 7, 30, tzinfo=UTC)
KIEL = {"latitude": ["54.32"], "longitude": ["10.13"]}
TWO_PLACES = {"latitude": ["54.32,48.14"], "longitude": ["10.13,11.58"]}


def fetch_at(now: datetime, clock: WeatherClock, /, **query: list[str]) -> Any:
    """Return the body of a successful response at a time."""
    status, body = handle_forecast(KIEL | query, now, clock)
    assert status == 200, body
    return body


def fetch(**query: list[str]) -> Any:
    """Return the body of a successful response in real time."""
    return fetch_at(NOW, WeatherClock(), **query)


def rejection_reason(**query: list[str]) -> str:
    """Return the reason of a rejected request."""
    status, body = handle_forecast(KIEL | query, NOW)
    assert status == 400
    assert body.keys() == {"error", "reason"}
    assert body["error"] is True
    return str(body["reason"])
