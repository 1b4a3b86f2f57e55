"""How the tests ask the simulated Open-Meteo."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from weatherd.simulator.open_meteo.forecast import handle_forecast
from weatherd.simulator.sky.clock import WeatherClock

NOW = datetime(2026, 8, 21, 12, 7, 30, tzinfo=UTC)
KIEL = {"latitude": ["54.32"], "longitude": ["10.13"]}
TWO = {"latitude": ["54.32,48.14"], "longitude": ["10.13,11.58"]}


def ask_at(now: datetime, pace: WeatherClock, /, **query: list[str]) -> Any:
    """Return the body of a good answer at some time."""
    status, body = handle_forecast(KIEL | query, now, pace)
    assert status == 200, body
    return body


def ask(**query: list[str]) -> Any:
    """Return the body of a good answer, in real time."""
    return ask_at(NOW, WeatherClock(), **query)


def reason(**query: list[str]) -> str:
    """Return the reason of a refusal."""
    status, body = handle_forecast(KIEL | query, NOW)
    assert status == 400
    assert body.keys() == {"error", "reason"}
    assert body["error"] is True
    return str(body["reason"])
