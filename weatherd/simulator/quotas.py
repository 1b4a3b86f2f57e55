"""How many calls the real services allow, and how each refuses more: a client can show its manners."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from weatherd.simulator.query import parse_whole_number, split_values

if TYPE_CHECKING:
    from weatherd.simulator.query import Query

Rejection = tuple[int, Any]  # status and body


class Quota(Protocol):
    """Refuses or counts. Times are POSIX seconds, and never go back."""

    def refuse(self, now: float, under_way: int) -> Rejection | None:
        """Return a refusal for a request, when so many others are under way; None lets it pass."""

    def count(self, now: float, calls: float) -> None:
        """Count the calls of a request that was answered."""


@dataclass(slots=True)
class OpenMeteoQuota:
    """Fixed windows, looked at before the request: one may overshoot, as with the real server."""

    _used: dict[str, tuple[float, float]] = field(default_factory=dict)  # of each window: when it began, calls

    def refuse(self, now: float, under_way: int) -> Rejection | None:
        """Refuse by the shortest window that is full, or when more than five wait."""
        for name, length, limit, when in _OPEN_METEO_WINDOWS:
            began, used = self._used.get(name, (0.0, 0.0))
            if began == now // length and used >= limit:
                text = f"{name} API request limit exceeded. Please try again {when}."
                return 429, {"error": True, "reason": text}
        if under_way > _MOST_UNDER_WAY:
            return 429, {"error": True, "reason": "Too many concurrent requests"}
        return None

    def count(self, now: float, calls: float) -> None:
        """Add to every window."""
        for name, length, _, _ in _OPEN_METEO_WINDOWS:
            began, used = self._used.get(name, (0.0, 0.0))
            window = now // length
            self._used[name] = (window, used + calls if began == window else calls)


_OPEN_METEO_WINDOWS = (
    ("Minutely", 60.0, 600, "in one minute"),
    ("Hourly", 3600.0, 5000, "in the next hour"),
    ("Daily", 86400.0, 10000, "tomorrow"),
)
_MOST_UNDER_WAY = 5


def open_meteo_call_weight(query: Query) -> float:
    """Return what a forecast request weighs: places times what is asked of each, as the real server reckons it."""
    places = max(1, len(split_values(query, "latitude")))
    variables = sum(len(split_values(query, section)) for section in ("current", "hourly", "daily", "minutely_15"))
    days = parse_whole_number((split_values(query, "forecast_days") or ["7"])[-1]) or 7
    return places * max(1.0, variables / 10, variables / 10 * days / 14)


@dataclass(slots=True)
class OpenWeatherMapQuota:
    """60 in any minute, 1,000,000 in a calendar month."""

    _minute: deque[float] = field(default_factory=deque)
    _month: tuple[int, int] = (0, 0)  # which, and how many

    def refuse(self, now: float, under_way: int) -> Rejection | None:  # noqa: ARG002 - the protocol's
        """Refuse in the words of the account that is blocked."""
        while self._minute and self._minute[0] <= now - 60:
            self._minute.popleft()
        if len(self._minute) >= 60 or self._month >= (_month(now), 1_000_000):
            return 429, {"cod": 429, "message": ACCOUNT_BLOCKED}
        return None

    def count(self, now: float, calls: float) -> None:
        """Remember when."""
        self._minute.append(now)
        month, used = self._month
        self._month = (_month(now), int(used + calls) if month == _month(now) else int(calls))


ACCOUNT_BLOCKED = (
    "Your account is temporary blocked due to exceeding of requests limitation of your subscription type. "
    "Please choose the proper subscription http://openweathermap.org/price"
)


def _month(now: float) -> int:
    day = datetime.fromtimestamp(now, UTC)
    return day.year * 12 + day.month


@dataclass(slots=True)
class TokenBucketQuota:
    """So many a second in the long run, and a burst."""

    refusal: Rejection
    rate: float
    burst: float
    _level: float = math.inf
    _at: float = 0.0

    def refuse(self, now: float, under_way: int) -> Rejection | None:  # noqa: ARG002 - the protocol's
        """Refuse while the bucket is empty."""
        self._level = min(self.burst, self._level + (now - self._at) * self.rate)
        self._at = now
        return self.refusal if self._level < 1 else None

    def count(self, now: float, calls: float) -> None:  # noqa: ARG002 - the protocol's
        """Take out of the bucket."""
        self._level -= calls


def free_plan_quotas() -> dict[str, Quota]:
    """Return what a client without a contract gets, with nothing used so far."""
    return {
        "open-meteo": OpenMeteoQuota(),
        "openweathermap": OpenWeatherMapQuota(),
        "met-norway": TokenBucketQuota((429, "429 Too Many Requests: slow down\n"), rate=20, burst=20),
        "bright-sky": TokenBucketQuota((429, "Too Many Requests"), rate=10, burst=50),
        "nws": TokenBucketQuota((429, {"title": "Too Many Requests", "status": 429}), rate=10, burst=50),
    }
