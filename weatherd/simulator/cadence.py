"""When the simulated services have new values, as late and as irregular as the real ones.

Functions are pure, and times are POSIX times. The values of Open-Meteo and MET Norway need no functions, because they
change at full quarters of an hour and at full hours.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HALF_HOUR, _HOUR = 1800, 3600  # seconds
_DWD_DELAY = (300, 240)  # seconds: the minimum, and how much longer it may be at another station
_DWD_POLL = 60  # seconds: Bright Sky looks for new files once a minute
_NWS_DELAY = (180, 300)
_NWS_JITTER = 40  # seconds
_NWS_MAX_DELAY = 1200  # seconds that the quality control takes at most, for one report in 100
_SPECIAL_HOURS = 24  # of these hours, one has a special report
_OWM_PERIOD, _OWM_JITTER = 600, 45  # seconds


def latest_dwd_report(station: int, now: float) -> float:
    """Return the time of the latest report of a station that Bright Sky has: it is 5 to 10 minutes late."""
    delay = _DWD_DELAY[0] + _DWD_DELAY[1] * _draw("dwd", station)
    time = now // _HALF_HOUR * _HALF_HOUR
    while time + delay + _DWD_POLL * _draw("dwd", station, time) > now:
        time -= _HALF_HOUR
    return time


def nws_reports(station: str, now: float) -> Iterator[float]:
    """Yield the times of a station's reports that the NWS has, the latest first.

    A station reports at its own minute of the hour, from :51 to :56, and at other times when the weather changes.
    """
    for hour in itertools.count(int(now // _HOUR), -1):
        times = [hour * _HOUR + 60 * (51 + int(6 * _draw("nws", station)))]
        if _draw("special", station, hour) < 1 / _SPECIAL_HOURS:
            times.append(hour * _HOUR + 60 * (5 + int(35 * _draw("minute", station, hour))))
        yield from (time for time in times if time + _nws_delay(station, time) <= now)


def metar_reports(station: str, now: float, *, is_hourly: bool) -> Iterator[float]:
    """Yield the times of an airport's reports that the service has, the latest first.

    In the United States they are at :53, elsewhere at :20 and :50. The service has them 2 to 10 minutes later.
    """
    minutes = (53,) if is_hourly else (50, 20)
    for hour in itertools.count(int(now // _HOUR), -1):
        times = (hour * _HOUR + 60 * minute for minute in minutes)
        yield from (time for time in times if time + 120 + 480 * _draw("metar", station, time) <= now)


def latest_owm_update(place: str, now: float) -> float:
    """Return the time of the latest update of a place by OpenWeatherMap: ten minutes apart, but not exactly."""
    phase = int(_OWM_PERIOD * _draw("owm", place))
    number = (now - phase) // _OWM_PERIOD
    time = _owm_time(place, phase, number)
    return time if time <= now else _owm_time(place, phase, number - 1)


def _owm_time(place: str, phase: float, number: float) -> float:
    return phase + number * _OWM_PERIOD + int(_OWM_JITTER * _draw("owm", place, number))


def _nws_delay(station: str, time: float) -> float:
    if _draw("control", station, time) < 1 / 100:
        return _NWS_MAX_DELAY * _draw("slow", station, time)
    return _NWS_DELAY[0] + _NWS_DELAY[1] * _draw("nws delay", station) + _NWS_JITTER * _draw("nws", station, time)


def _draw(*parts: object) -> float:
    """Return a number from 0 to 1 that looks random, and is the same for the same parts."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=4).digest()) / 2**32
