"""Forecasts of MET Norway: the current step, its description, and the stored form."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import KIEL
from weatherd import wmo
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import parse_json
from weatherd.providers.met_norway.forecast import (
    Forecast,
    ForecastStep,
    load_forecast,
    observation_from_step,
    parse_steps,
)
from weatherd.providers.met_norway.symbols import SYMBOLS, parse_symbol

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.observation import Observation

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)


def series(*steps: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a document with *steps*."""
    return {"properties": {"timeseries": [{"time": time, "data": data} for time, data in steps]}}


def data(celsius: Any = 6.5, **periods: Any) -> dict[str, Any]:
    """Return the data of a step."""
    return {"instant": {"details": {"air_temperature": celsius}}, **periods}


def period(symbol: str, amount: Any = None) -> dict[str, Any]:
    """Return the period that follows a step."""
    return {"summary": {"symbol_code": symbol}, "details": {} if amount is None else {"precipitation_amount": amount}}


def step_of(document: Any, at: datetime = NOON) -> ForecastStep:
    """Return the step that covers *at*."""
    found = Forecast(parse_steps(document, at.timestamp()), "", 0.0, 0.0).step_at(at.timestamp())
    assert found
    return found


def observe(document: Any, at: datetime = NOON) -> Observation:
    """Return the observation at *at*."""
    steps = parse_steps(document, at.timestamp())
    return observation_from_step(KIEL, "met-norway", step_of(document, at), Forecast(steps, "", at.timestamp(), 0.0))


@pytest.mark.parametrize(
    ("minutes", "celsius"), [(0, 12), (59, 12), (60, 13), (-1, 11), (185, 15), (8 * 60, 15), (9 * 60 - 1, 15)]
)
def test_the_step_that_covers_now(minutes: int, celsius: int) -> None:
    """The current step is the last one that has begun, in any order; a six-hour step covers six hours."""
    hourly = [(f"2026-01-01T{hour:02}:00:00Z", data(hour, next_1_hours=period("rain"))) for hour in range(11, 15)]
    later = ("2026-01-01T15:00:00Z", data(15, next_6_hours=period("rain")))
    document = series(later, *reversed(hourly))
    assert step_of(document, NOON + timedelta(minutes=minutes)).temperature == celsius


def test_a_step_that_is_about_to_begin_is_used() -> None:
    """A step that begins shortly is used, because the service's clock may be ahead of ours."""
    document = series(("2026-01-01T12:00:00Z", data(1, next_1_hours=period("rain"))))
    assert step_of(document, NOON - timedelta(minutes=9)).temperature == 1


@pytest.mark.parametrize(
    "times", [["2026-01-01T10:59:00Z"], ["2026-01-01T12:11:00Z"], ["2025-01-01T12:00:00Z", "2027-01-01T12:00:00Z"]]
)
def test_no_step_covers_now(times: list[str]) -> None:
    """A step that is over or still to come is not current weather."""
    with pytest.raises(ProviderError, match="no forecast for the current time") as caught:
        parse_steps(series(*((time, data(next_1_hours=period("rain"))) for time in times)), NOON.timestamp())
    assert caught.value.failure is Failure.EMPTY


@pytest.mark.parametrize("document", [None, [], {}, {"properties": []}, series(), {"properties": {"timeseries": {}}}])
def test_documents_of_another_form(document: Any) -> None:
    """JSON that is not a forecast is malformed."""
    with pytest.raises(ProviderError, match=r"not a forecast$") as caught:
        parse_steps(document, NOON.timestamp())
    assert caught.value.failure is Failure.MALFORMED


@pytest.mark.parametrize("celsius", [None, "6", True, 400, [], ...])
def test_a_step_without_a_temperature_is_skipped(celsius: Any) -> None:
    """The step before it does not cover more time than its own."""
    broken = data(celsius) if celsius is not ... else {}
    with pytest.raises(ProviderError):
        parse_steps(series(("2026-01-01T12:00:00Z", broken)), NOON.timestamp())


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        ({"next_1_hours": period("rain", 0.7), "next_6_hours": period("snow", 9)}, (63, "rain")),
        ({"next_6_hours": period("snow", 9), "next_12_hours": period("fog")}, (73, "snow")),
        ({"next_12_hours": period("fog")}, (45, "fog")),
        ({}, (None, "unknown")),
        ({"next_1_hours": period("rain")}, (63, "rain")),
        ({"next_1_hours": period("rain", None) | {"summary": None}}, (None, "unknown")),
        ({"next_1_hours": {"summary": {"symbol_code": None}, "details": None}}, (None, "unknown")),
    ],
)
def test_the_description_is_of_the_following_period(periods: dict[str, Any], expected: tuple[Any, str]) -> None:
    """The symbol is of the next hour, else of six, else of twelve; none of their precipitation has fallen yet."""
    found = observe(series(("2026-01-01T12:00:00Z", data(**periods))))
    assert (found.code, found.description, found.precipitation) == (*expected, None)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (("11:00", {"next_1_hours": period("rain", 0.7), "next_6_hours": period("rain", 4)}), 0.7),
        (("11:00", {"next_1_hours": period("clearsky", 0)}), 0.0),
        (("11:00", {"next_6_hours": period("rain", 4)}), None),
        (("10:00", {"next_1_hours": period("rain", 0.7)}), None),
        (("06:00", {"next_6_hours": period("rain", 4)}), None),
    ],
)
def test_precipitation_is_of_the_hour_before(before: tuple[str, dict[str, Any]], expected: float | None) -> None:
    """The precipitation is the one of the step an hour earlier, which an earlier forecast may have; else None."""
    earlier = (f"2026-01-01T{before[0]}:00Z", data(**before[1]))
    current = ("2026-01-01T12:00:00Z", data(next_1_hours=period("rain", 9)))
    assert observe(series(earlier, current)).precipitation == expected
    known = parse_steps(series(earlier, current), NOON.timestamp() - 3600 if before[0] == "11:00" else NOON.timestamp())
    steps = parse_steps(series(current), NOON.timestamp(), known)
    forecast = Forecast(steps, "", 0.0, 0.0)
    assert forecast.precipitation_before(step_of(series(current))) == expected
    assert len(steps) == (2 if before[0] == "11:00" else 1)


def test_there_are_41_symbols() -> None:
    """Each has a description and a known code, with every variant; also the two that the service misspells."""
    assert len(SYMBOLS) == 41
    for symbol, (code, text) in SYMBOLS.items():
        assert code in wmo.DESCRIPTIONS
        assert text.replace(" ", "") == symbol
        for variant in ("", "_day", "_night", "_polartwilight"):
            assert parse_symbol(symbol + variant) == (code, text)
    for symbol in ("sleetshowersandthunder", "snowshowersandthunder"):
        assert parse_symbol(f"lights{symbol}_day") == parse_symbol(f"light{symbol}_day") != (None, "unknown")


def test_the_description_of_a_symbol() -> None:
    """The words of a symbol are separated by spaces."""
    assert parse_symbol("heavyrainshowersandthunder_night") == (95, "heavy rain showers and thunder")
    assert parse_symbol("partlycloudy_polartwilight") == (2, "partly cloudy")
    assert parse_symbol("raining_frogs") == parse_symbol("") == (None, "unknown")


def test_a_stored_forecast_is_loaded_unchanged() -> None:
    """A forecast is equal after dump and load."""
    steps = parse_steps(series(("2026-01-01T12:00:00Z", data(next_1_hours=period("rain", 0.25)))), NOON.timestamp())
    forecast = Forecast(steps, "Thu, 01 Jan 2026 00:00:00 GMT", NOON.timestamp(), NOON.timestamp() + 1800.5)
    assert load_forecast(forecast.dump()) == forecast


def test_new_york(recorded: Path) -> None:
    """The values of a recorded forecast at three times."""
    document = json.loads((recorded / "metno" / "new_york_compact_2020_with_headers.json").read_text())["data"]
    assert document == parse_json((recorded / "metno" / "new_york_compact_2020_body.json").read_bytes())
    first = datetime(2020, 7, 20, 11, 44, tzinfo=UTC)
    found = observe(document, first)
    assert (found.observed_at, found.temperature) == (datetime(2020, 7, 20, 11, tzinfo=UTC), 26.5)
    assert (found.description, found.code, found.precipitation) == ("partly cloudy", 2, None)
    assert observe(document, first + timedelta(hours=1)).precipitation == 0.0
    assert (found.pressure_msl, found.cloud_cover, found.relative_humidity) == (1010.7, 69.5, 81.3)
    assert (found.wind_direction, found.wind_speed, found.wind_gust) == (243.4, 3.8, None)
    assert step_of(document, first + timedelta(hours=2)).temperature == 29.3
    last = datetime.fromisoformat(document["properties"]["timeseries"][-1]["time"])
    assert step_of(document, last + timedelta(minutes=30)).symbol == ""
    assert len(parse_steps(document, first.timestamp())) == 30


@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        ("crafted_minimal_one_step_partlycloudy.json", "2020-07-20T11:30:00Z", (26.5, "partly cloudy", None, 3.8)),
        ("crafted_snow_two_steps_negative.json", "2026-01-05T07:59:00Z", (-14.6, "heavy snow", None, 3.0)),
        ("crafted_snow_two_steps_negative.json", "2026-01-05T11:00:00Z", (-3.1, "snow", None, 4.0)),
    ],
)
def test_recorded_steps(recorded: Path, name: str, at: str, expected: tuple[float, str, None, float]) -> None:
    """The current step of each recorded file."""
    document = parse_json((recorded / "metno" / name).read_bytes())
    found = observe(document, datetime.fromisoformat(at))
    assert (found.temperature, found.description, found.precipitation, found.wind_speed) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("crafted_heavysnow_no_time_no_units.json", "no forecast for the current time"),
        ("docexample_forecast_excerpt.txt", "the response is not JSON"),
    ],
)
def test_recorded_files_without_weather(recorded: Path, name: str, text: str) -> None:
    """A step without a time and an excerpt that is not JSON are errors."""
    with pytest.raises(ProviderError, match=text):
        parse_steps(parse_json((recorded / "metno" / name).read_bytes()), NOON.timestamp())
