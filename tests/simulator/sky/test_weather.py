"""The simulated weather is consistent and plausible, everywhere and at any time."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import astuple
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.simulator.sky.sun import sunrise_and_sunset
from weatherd.simulator.sky.weather import Weather, weather_at
from weatherd.wmo import DESCRIPTIONS

DOCUMENTED = {0, 1, 2, 3, 45, 48, 51, 53, 55, 56, 57, 61, 63, 65, 66, 67}
DOCUMENTED |= {71, 73, 75, 77, 80, 81, 82, 85, 86, 95, 96, 99}
SUMMER = 1_782_000_000.0  # 2026-06-21
DAY = 86_400.0

lats, lons = st.floats(-90, 90), st.floats(-180, 180)
times = st.floats(0, 4_000_000_000)


@given(lats, lons, times)
def test_ranges(lat: float, lon: float, at: float) -> None:
    """Each quantity stays within the records of the Earth."""
    weather = weather_at(lat, lon, at)
    assert -60 < weather.temperature < 45
    assert -70 < weather.apparent_temperature < 65
    assert 0 < weather.relative_humidity <= 100
    assert -70 < weather.dew_point < 38
    assert 940 < weather.pressure_msl < 1060
    assert 600 < weather.surface_pressure <= weather.pressure_msl
    assert 0 < weather.wind_speed < 40
    assert 0 <= weather.wind_direction < 360
    assert 0 <= weather.precipitation.total < 60
    assert 0 <= weather.cloud_cover <= 100
    assert 50 < weather.visibility <= 24_000


def check_consistency(weather: Weather) -> None:
    """Assert that gusts, dew point, snow, clouds, fog and the code are consistent."""
    fall, code = weather.precipitation, weather.code
    assert weather.wind_gust >= weather.wind_speed
    assert weather.dew_point <= weather.temperature
    assert (fall.total > 0) == (code >= 51)
    assert (fall.snowfall > 0) == (code in {71, 73, 75, 77, 85, 86})
    assert (fall.rain > 0) == (51 <= code <= 67)
    assert (fall.showers > 0) == (code in {80, 81, 82, 95, 96, 99})
    assert not fall.snowfall or weather.temperature < 1
    assert not fall.total or weather.cloud_cover >= 50
    assert code not in {48, 56, 57, 66, 67} or weather.temperature < 0
    assert code < 95 or weather.temperature > 5
    assert (weather.visibility < 1000) or code not in {45, 48}
    if code <= 3:
        assert code == sum(weather.cloud_cover > limit for limit in (11, 25.5, 84.5))


@given(lats, lons, times)
def test_consistency(lat: float, lon: float, at: float) -> None:
    """The weather is consistent, anywhere and at any time."""
    check_consistency(weather_at(lat, lon, at))


@given(lats, lons, times)
def test_smoothness(lat: float, lon: float, at: float) -> None:
    """The weather changes little within ten minutes or a kilometre."""
    here = weather_at(lat, lon, at)
    for there in (weather_at(lat, lon, at + 600), weather_at(lat + math.copysign(0.01, -lat), lon, at)):
        assert abs(there.temperature - here.temperature) < 1.5
        assert abs(there.pressure_msl - here.pressure_msl) < 2
        assert abs(there.wind_speed - here.wind_speed) < 3


@given(times, st.floats(-180, 180))
def test_no_seams(at: float, lon: float) -> None:
    """There is no discontinuity at the date line or the poles."""
    east, west = weather_at(40, 180, at), weather_at(40, -180, at)
    assert east.temperature == pytest.approx(west.temperature)
    assert east.code == west.code
    assert weather_at(90, lon, at).temperature == pytest.approx(weather_at(90, 0, at).temperature)


@pytest.mark.once
def test_every_code_occurs() -> None:
    """Within a year each documented code occurs, and no other; each has a description and is consistent."""
    year = [
        weather_at(lat, lon, SUMMER + step * 131_500)
        for lat in range(-85, 90, 10)
        for lon in range(-180, 180, 40)
        for step in range(240)
    ]
    for weather in year:
        check_consistency(weather)
    seen = {weather.code for weather in year}
    assert seen == DOCUMENTED
    assert set(DESCRIPTIONS) >= seen


def test_days_and_nights() -> None:
    """On average over a summer, afternoons are warmer and drier than dawns."""
    days = [SUMMER + day * DAY - SUMMER % DAY for day in range(90)]
    dawn = [weather_at(52.5, 0, day + 3 * 3600) for day in days]
    afternoon = [weather_at(52.5, 0, day + 15 * 3600) for day in days]
    assert mean(w.temperature for w in afternoon) > mean(w.temperature for w in dawn) + 4
    assert mean(w.relative_humidity for w in afternoon) < mean(w.relative_humidity for w in dawn)


@pytest.mark.parametrize("lat", [52.5, -33.9])
def test_seasons(lat: float) -> None:
    """Summer is warmer than winter on both hemispheres."""
    june = mean(weather_at(lat, 10, SUMMER + day * DAY).temperature for day in range(60))
    december = mean(weather_at(lat, 10, SUMMER + (182 + day) * DAY).temperature for day in range(60))
    assert (june > december + 5) if lat > 0 else (december > june + 5)


def test_the_tropics_are_warmer_than_the_poles() -> None:
    """The annual mean falls from the equator to the pole."""
    means = [
        mean(weather_at(lat, 10, SUMMER + day * 5.3 * DAY).temperature for day in range(70)) for lat in (0, 30, 60, 90)
    ]
    assert means == sorted(means, reverse=True)
    assert means[0] > 22
    assert means[-1] < -3


def test_the_same_in_every_process() -> None:
    """The weather depends only on place and time, not on the hash seed of the process."""
    code = (
        "from dataclasses import astuple; from weatherd.simulator.sky.weather import weather_at;"
        f"print(astuple(weather_at(54.32, 10.13, {SUMMER})))"
    )
    printed = {
        subprocess.run(  # noqa: S603  # our own interpreter and code
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1")
    }
    assert printed == {str(astuple(weather_at(54.32, 10.13, SUMMER)))}


def test_is_day_follows_the_sun() -> None:
    """Kiel has day at noon and night at midnight; beyond the polar circle, summer has no night."""
    assert weather_at(54.3, 10.1, SUMMER - SUMMER % DAY + 12 * 3600).is_day
    assert not weather_at(54.3, 10.1, SUMMER - SUMMER % DAY).is_day
    assert all(weather_at(78.2, 15.6, SUMMER + hour * 3600).is_day for hour in range(24))
    assert not any(weather_at(78.2, 15.6, SUMMER + 182 * DAY + hour * 3600).is_day for hour in range(24))


def test_day_is_longer_than_night_at_the_equinox() -> None:
    """An equinox has slightly more than 12 hours of day, because of refraction and the sun's radius."""
    span = sunrise_and_sunset(52.5, 13.4, 1_774_000_800)  # 2026-03-20
    assert span is not None
    assert 12 * 3600 + 300 < span[1] - span[0] < 12 * 3600 + 1500
    assert weather_at(52.5, 13.4, span[0] + 60).is_day
    assert not weather_at(52.5, 13.4, span[0] - 60).is_day
