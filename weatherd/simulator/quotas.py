"""Quotas of the real services' free plans, and how each service rejects requests that exceed them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from weatherd.simulator.query import last_value, parse_whole_number, split_values

if TYPE_CHECKING:
    from weatherd.simulator.query import Query

Rejection = tuple[int, Any]  # status and body
ACCOUNT_BLOCKED = (
    "Your account is temporary blocked due to exceeding of requests limitation of your subscription type. "
    "Please choose the proper subscription http://openweathermap.org/price"
)
_OPEN_METEO_WINDOWS = (  # name, seconds, calls, end of the message: https://open-meteo.com/en/pricing
    ("Minutely", 60.0, 600, "in one minute"),
    ("Hourly", 3600.0, 5000, "in the next hour"),
    ("Daily", 86400.0, 10000, "tomorrow"),
)
_OPEN_METEO_CONCURRENCY = 5
_OPENWEATHERMAP_MINUTE, _OPENWEATHERMAP_MONTH = 60, 1_000_000  # calls: https://openweathermap.org/price


class Quota(Protocol):
    """Quota of a service. Times are POSIX seconds and never decrease."""

    def check(self, now: float, in_flight: int) -> Rejection | None:
        """Return the rejection of a request while *in_flight* others are open, or None to accept it."""

    def charge(self, now: float, calls: float) -> None:
        """Count the calls of an accepted request; a negative number gives calls back."""


@dataclass(slots=True)
class OpenMeteoQuota:
    """Fixed windows, checked before the request is charged: like the real server, one request may overshoot."""

    _used: dict[str, tuple[float, float]] = field(default_factory=dict)  # window name: number of the window, calls

    def check(self, now: float, in_flight: int) -> Rejection | None:
        """Reject by the shortest window that is full, or if too many requests are in flight."""
        for name, length, limit, retry in _OPEN_METEO_WINDOWS:
            window, used = self._used.get(name, (0.0, 0.0))
            if window == now // length and used >= limit:
                text = f"{name} API request limit exceeded. Please try again {retry}."
                return 429, {"error": True, "reason": text}
        if in_flight > _OPEN_METEO_CONCURRENCY:
            return 429, {"error": True, "reason": "Too many concurrent requests"}
        return None

    def charge(self, now: float, calls: float) -> None:
        """Add the calls to each window."""
        for name, length, _, _ in _OPEN_METEO_WINDOWS:
            window, used = self._used.get(name, (0.0, 0.0))
            current = now // length
            self._used[name] = (current, used + calls if window == current else calls)


def open_meteo_call_weight(query: Query) -> float:
    """Return the calls that a forecast request is charged, by the formula of https://open-meteo.com/en/pricing.

    Locations times the larger of 1, variables / 10, and variables / 10 times days / 14. Steps of hours and quarters do
    not count, past days do.
    """
    locations = max(1, len(split_values(query, "latitude")))
    variables = sum(len(split_values(query, section)) for section in ("current", "hourly", "daily", "minutely_15"))
    days = (parse_whole_number(last_value(query, "forecast_days", "7")) or 7) + (
        parse_whole_number(last_value(query, "past_days", "0")) or 0
    )
    return locations * max(1.0, variables / 10, variables / 10 * days / 14)


@dataclass(slots=True)
class OpenWeatherMapQuota:
    """60 calls in any 60 seconds (sliding window), 1,000,000 in a calendar month."""

    _minute: deque[float] = field(default_factory=deque)  # times of the calls
    _month: tuple[int, int] = (0, 0)  # number of the month, calls

    def check(self, now: float, in_flight: int) -> Rejection | None:  # noqa: ARG002 - required by the protocol
        """Reject as the service does for a blocked account."""
        while self._minute and self._minute[0] <= now - 60:
            self._minute.popleft()
        if len(self._minute) >= _OPENWEATHERMAP_MINUTE or self._month >= (_month_number(now), _OPENWEATHERMAP_MONTH):
            return 429, {"cod": 429, "message": ACCOUNT_BLOCKED}
        return None

    def charge(self, now: float, calls: float) -> None:
        """Record the time of the call, and add it to the month."""
        self._minute.append(now)
        month, used = self._month
        current = _month_number(now)
        self._month = (current, int(used + calls) if month == current else int(calls))


def _month_number(now: float) -> int:
    day = datetime.fromtimestamp(now, UTC)
    return day.year * 12 + day.month


@dataclass(slots=True)
class TokenBucketQuota:
    """Token bucket: *rate* calls a second on average, bursts of up to *burst* calls."""

    rejection: Rejection
    rate: float
    burst: float
    _tokens: float = math.inf
    _updated_at: float = 0.0

    def check(self, now: float, in_flight: int) -> Rejection | None:  # noqa: ARG002 - required by the protocol
        """Reject while the bucket holds less than one token."""
        self._tokens = min(self.burst, self._tokens + (now - self._updated_at) * self.rate)
        self._updated_at = now
        return self.rejection if self._tokens < 1 else None

    def charge(self, now: float, calls: float) -> None:  # noqa: ARG002 - required by the protocol
        """Take tokens out of the bucket."""
        self._tokens -= calls


def free_plan_quotas() -> dict[str, Quota]:
    """Return the unused quotas of a client without a contract, by service."""
    return {
        "open-meteo": OpenMeteoQuota(),
        "openweathermap": OpenWeatherMapQuota(),
        "met-norway": TokenBucketQuota((429, "429 Too Many Requests: slow down\n"), rate=20, burst=20),
        "bright-sky": TokenBucketQuota((429, "Too Many Requests"), rate=10, burst=50),
        "metar": TokenBucketQuota((429, {"status": "error", "error": "Too many requests"}), rate=100 / 60, burst=100),
        "nws": TokenBucketQuota((429, {"title": "Too Many Requests", "status": 429}), rate=10, burst=50),
    }
