"""``interval: auto`` in the settings and in the list of cities."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from tests.support.fakes import KIEL
from weatherd.config.lists.city_row import validate_city
from weatherd.config.settings import Settings
from weatherd.text.auto_interval import AutoInterval, format_interval, parse_interval


@pytest.mark.parametrize(
    ("text", "bounds"),
    [("auto", (60, 7200)), ("auto 5m..1h", (300, 3600)), ("auto 1.5m..1h30m", (90, 5400)), ("auto 30s..30s", (30, 30))],
)
def test_auto_and_its_bounds(text: str, bounds: tuple[float, float]) -> None:
    """The text is parsed, and formatted as a text that means the same."""
    interval = parse_interval(text)
    assert isinstance(interval, AutoInterval)
    assert (interval.min_seconds, interval.max_seconds) == bounds
    assert parse_interval(format_interval(interval)) == interval
    assert Settings(interval=text).interval == interval


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("automatic", "or auto with bounds such as auto 5m..1h"),
        ("auto 5m", "or auto with bounds such as auto 5m..1h"),
        ("auto 1h..5m", "should begin with the shorter bound, as in auto 5m..1h"),
        ("auto 0s..5m", "1s or more"),
        ("auto 5m..soon", "a length of time"),
        ("soon", "a length of time"),
        (0, "1s or more"),
        (None, "a length of time"),
    ],
)
def test_mistakes(value: Any, message: str) -> None:
    """The message shows the form that is accepted."""
    with pytest.raises(ValueError, match=message):
        parse_interval(value)


@pytest.mark.parametrize(
    ("providers", "text", "planned"),
    [
        (["open-meteo"], "auto", 900),
        (["nws", "open-meteo"], "auto", 3600),
        (["open-meteo"], "auto 1m..10m", 600),
        (["open-meteo"], "auto 20m..1h", 1200),
        (["a-plugin"], "auto", 600),
    ],
)
def test_the_planned_average_follows_from_the_first_provider(providers: list[str], text: str, planned: float) -> None:
    """The usual distance of its values is planned, within the bounds."""
    city = validate_city({"name": "Kiel", "lat": 54.3, "lon": 10.1, "interval": text, "providers": providers})
    assert float(city.interval) == planned


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_interval_is_pickled(protocol: int) -> None:
    """Settings and cities are loaded in another process."""
    interval = parse_interval("auto 5m..1h")
    assert isinstance(interval, AutoInterval)
    found = pickle.loads(pickle.dumps(interval.replan(900.0), protocol))  # noqa: S301 - our own
    assert (found, repr(found)) == (interval.replan(900.0), repr(interval.replan(900.0)))
    assert copy.deepcopy(interval) == interval


def test_auto_differs_from_a_fixed_interval() -> None:
    """An edit from 15m to auto, or of the bounds, is a change of the city, although the planned average is the same."""
    rows = [
        validate_city({"name": "Kiel", "lat": KIEL.lat, "lon": KIEL.lon, "interval": text})
        for text in ("15m", "auto", "auto 2m..2h")
    ]
    assert len(set(rows)) == len(rows)
    assert rows[0] != rows[1] != rows[2] != rows[0]
    assert len({repr(city.interval) for city in rows}) == len(rows)
