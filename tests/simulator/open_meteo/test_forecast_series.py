"""Times, time zones and series follow Open-Meteo's documentation."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.simulator.open_meteo.requests import NOW, TWO_PLACES, fetch, fetch_at
from weatherd.simulator.sky.clock import WeatherClock


def test_local_time() -> None:
    """ISO times are local without an offset; the abbreviation has the form GMT+2."""
    body = fetch(current=["is_day"], timezone=["Europe/Berlin"])
    assert body["current"]["time"] == "2026-08-21T14:00"
    assert (body["utc_offset_seconds"], body["timezone_abbreviation"]) == (7200, "GMT+2")
    assert fetch(timezone=["Asia/Kathmandu"])["timezone_abbreviation"] == "GMT+5:45"
    assert fetch(timezone=["America/St_Johns"])["timezone_abbreviation"] == "GMT-2:30"


def test_unix_time() -> None:
    """Unix times are UTC in any time zone."""
    body = fetch(current=["is_day"], daily=["sunrise"], timezone=["Europe/Berlin"], timeformat=["unixtime"])
    assert body["current"]["time"] == datetime(2026, 8, 21, 12, tzinfo=UTC).timestamp()
    assert body["current_units"]["time"] == body["daily_units"]["sunrise"] == "unixtime"
    assert body["daily"]["time"][0] == datetime(2026, 8, 20, 22, tzinfo=UTC).timestamp()


def test_automatic_timezone() -> None:
    """``auto`` selects the time zone of the location; several time zones apply to one location each."""
    assert [body["timezone"] for body in fetch(**TWO_PLACES, timezone=["auto"])] == ["Europe/Berlin"] * 2
    zones = fetch(**TWO_PLACES, timezone=["Asia/Tokyo,auto"])
    assert [body["timezone"] for body in zones] == ["Asia/Tokyo", "Europe/Berlin"]
    at_sea = fetch(latitude=["-40"], longitude=["-120"], timezone=["auto"])
    assert (at_sea["timezone"], at_sea["utc_offset_seconds"]) == ("Etc/GMT+8", -8 * 3600)


@pytest.mark.parametrize(
    ("section", "variable", "length"),
    [("hourly", "temperature_2m", 24), ("minutely_15", "rain", 96), ("daily", "rain_sum", 1)],
)
def test_series(section: str, variable: str, length: int) -> None:
    """A series has one value per step from local midnight on, for the requested days, seven by default."""
    for days, query in ((7, {}), (3, {"forecast_days": ["1"], "past_days": ["2"]}), (0, {"forecast_days": ["0"]})):
        body = fetch(**{section: [variable]}, **query, timezone=["Europe/Berlin"])
        assert len(body[section]["time"]) == len(body[section][variable]) == length * days
        assert set(body[f"{section}_units"]) == {"time", variable}
    start = fetch(**{section: [variable]}, past_days=["1"], timezone=["Europe/Berlin"])[section]["time"][0]
    assert start in {"2026-08-20T00:00", "2026-08-20"}


def test_daily_aggregates_hourly() -> None:
    """The extremes and sums of a day match its hourly values, and the sun rises before it sets."""
    query = {"forecast_days": ["1"], "hourly": ["temperature_2m,precipitation"], "timezone": ["auto"]}
    body = fetch(**query, daily=["temperature_2m_max,temperature_2m_min,precipitation_sum,sunrise,sunset"])
    hourly, daily = body["hourly"], body["daily"]
    assert daily["temperature_2m_max"] == [max(hourly["temperature_2m"])]
    assert daily["temperature_2m_min"] == [min(hourly["temperature_2m"])]
    assert math.isclose(daily["precipitation_sum"][0], sum(hourly["precipitation"]), abs_tol=0.13)
    assert "2026-08-21T05" < daily["sunrise"][0] < "2026-08-21T07"
    assert "2026-08-21T19" < daily["sunset"][0] < "2026-08-21T21"


def test_polar_day_has_no_sunrise() -> None:
    """Sunrise is null where the sun does not cross the horizon."""
    june = datetime(2026, 6, 21, 12, tzinfo=UTC)
    body = fetch_at(june, WeatherClock(), latitude=["78.2"], longitude=["15.6"], daily=["sunrise"], forecast_days=["1"])
    assert body["daily"]["sunrise"] == [None]


def test_utc_offsets() -> None:
    """The offset is that of the time zone at the current time."""
    for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"):
        offset = NOW.astimezone(ZoneInfo(name)).utcoffset()
        assert timedelta(seconds=fetch(timezone=[name])["utc_offset_seconds"]) == offset
