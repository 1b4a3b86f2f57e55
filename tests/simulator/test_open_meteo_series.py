"""Times, zones and series are as Open-Meteo documents them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.simulator.asking import NOW, TWO, ask, ask_at
from weatherd.simulator.sky.clock import WeatherClock


def test_local_time() -> None:
    """ISO times are local without an offset; the abbreviation is of the form GMT+2."""
    body = ask(current=["is_day"], timezone=["Europe/Berlin"])
    assert body["current"]["time"] == "2026-08-21T14:00"
    assert (body["utc_offset_seconds"], body["timezone_abbreviation"]) == (7200, "GMT+2")
    assert ask(timezone=["Asia/Kathmandu"])["timezone_abbreviation"] == "GMT+5:45"
    assert ask(timezone=["America/St_Johns"])["timezone_abbreviation"] == "GMT-2:30"


def test_unix_time() -> None:
    """Unix times are true UTC whatever the time zone."""
    body = ask(current=["is_day"], daily=["sunrise"], timezone=["Europe/Berlin"], timeformat=["unixtime"])
    assert body["current"]["time"] == datetime(2026, 8, 21, 12, tzinfo=UTC).timestamp()
    assert body["current_units"]["time"] == body["daily_units"]["sunrise"] == "unixtime"
    assert body["daily"]["time"][0] == datetime(2026, 8, 20, 22, tzinfo=UTC).timestamp()


def test_automatic_zone() -> None:
    """``auto`` finds the zone of the place; several zones go one to each place."""
    assert [body["timezone"] for body in ask(**TWO, timezone=["auto"])] == ["Europe/Berlin"] * 2
    zones = ask(**TWO, timezone=["Asia/Tokyo,auto"])
    assert [body["timezone"] for body in zones] == ["Asia/Tokyo", "Europe/Berlin"]
    at_sea = ask(latitude=["-40"], longitude=["-120"], timezone=["auto"])
    assert (at_sea["timezone"], at_sea["utc_offset_seconds"]) == ("Etc/GMT+8", -8 * 3600)


@pytest.mark.parametrize(
    ("section", "variable", "length"),
    [("hourly", "temperature_2m", 24), ("minutely_15", "rain", 96), ("daily", "rain_sum", 1)],
)
def test_series(section: str, variable: str, length: int) -> None:
    """A series has a value a step from local midnight on, for the days asked, seven by default."""
    for days, query in ((7, {}), (3, {"forecast_days": ["1"], "past_days": ["2"]}), (0, {"forecast_days": ["0"]})):
        body = ask(**{section: [variable]}, **query, timezone=["Europe/Berlin"])
        assert len(body[section]["time"]) == len(body[section][variable]) == length * days
        assert set(body[f"{section}_units"]) == {"time", variable}
    start = ask(**{section: [variable]}, past_days=["1"], timezone=["Europe/Berlin"])[section]["time"][0]
    assert start in {"2026-08-20T00:00", "2026-08-20"}


def test_daily_sums_up_hourly() -> None:
    """The extremes and sums of a day are those of its hours, and the sun rises before it sets."""
    query = {"forecast_days": ["1"], "hourly": ["temperature_2m,precipitation"], "timezone": ["auto"]}
    body = ask(**query, daily=["temperature_2m_max,temperature_2m_min,precipitation_sum,sunrise,sunset"])
    hourly, daily = body["hourly"], body["daily"]
    assert daily["temperature_2m_max"] == [max(hourly["temperature_2m"])]
    assert daily["temperature_2m_min"] == [min(hourly["temperature_2m"])]
    assert math.isclose(daily["precipitation_sum"][0], sum(hourly["precipitation"]), abs_tol=0.13)
    assert "2026-08-21T05" < daily["sunrise"][0] < "2026-08-21T07"
    assert "2026-08-21T19" < daily["sunset"][0] < "2026-08-21T21"


def test_polar_day_has_no_sunrise() -> None:
    """Where the sun does not cross the horizon there are no times for it."""
    june = datetime(2026, 6, 21, 12, tzinfo=UTC)
    body = ask_at(june, WeatherClock(), latitude=["78.2"], longitude=["15.6"], daily=["sunrise"], forecast_days=["1"])
    assert body["daily"]["sunrise"] == [None]


def test_every_zone_is_understood() -> None:
    """Offsets are those of the zone now."""
    for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"):
        offset = NOW.astimezone(ZoneInfo(name)).utcoffset()
        assert timedelta(seconds=ask(timezone=[name])["utc_offset_seconds"]) == offset
