"""Moments as people write them: ``yesterday``, ``3 days``, ``24h``, ``2026-01-31``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from weatherd.text import duration

if TYPE_CHECKING:
    from datetime import tzinfo

_FIRST_YEAR, _LAST_YEAR = 1900, 4000  # because datetime ends at 9999, and a range may be extended to full spans
_DAYS_AGO = {"today": 0, "yesterday": 1}
_UNITS = {"week": "d", "wk": "d", "w": "d", "day": "d", "hour": "h", "hr": "h", "minute": "m", "min": "m"}
_DAYS_A_WEEK = 7
_match_count = re.compile(rf"(\d+(?:\.\d+)?) ?({'|'.join(_UNITS)})s?(?: ago)?", re.ASCII).fullmatch
_FORMS = "a duration before now (24h, 3 days, 1w), today, yesterday or a date (2026-01-31, 2026-01-31T12:00)"


def parse_moment(text: str, now: datetime, zone: tzinfo) -> datetime:
    """Return the moment in a text, in UTC.

    It is a duration before *now* (``24h``, ``3 days``, ``1w``), ``now``, the midnight that begins ``today``,
    ``yesterday`` or a date (``2026-01-31``, ``20260131``), or a time, which is local time in *zone* unless it has an
    offset. Raises ValueError for any other text. A bare number is one: it could be hours or days.
    """
    words = " ".join(text.split())
    if words.casefold() == "now":
        return now
    if words.casefold() in _DAYS_AGO:
        day = now.astimezone(zone).date() - timedelta(days=_DAYS_AGO[words.casefold()])
        return datetime.combine(day, time(), zone).astimezone(UTC)
    found = _parse_length(words, now) if words[-1:].isalpha() else _parse_date(text.strip(), zone)
    if found is None:
        is_number = re.fullmatch(r"\d{1,4}", words, re.ASCII)
        if is_number:
            raise ValueError(f"{text!r} has no unit: {words}h are hours, {words}d days; should be {_FORMS}")
        raise ValueError(f"should be {_FORMS}, not {text!r}")
    return found


def _parse_length(words: str, now: datetime) -> datetime | None:
    """Return the moment that long ago, or else the one that a text with an offset Z names."""
    if not words.endswith("M") and (match := _match_count(words.casefold())):  # 1M could be a month
        count, unit = float(match[1]), match[2]
        words = f"{count * (_DAYS_A_WEEK if unit[0] == 'w' else 1):f}{_UNITS[unit]}"
    try:
        return now - timedelta(seconds=duration.parse_duration(words))
    except (ValueError, OverflowError):
        return _parse_date(words.upper(), UTC)


def _parse_date(text: str, zone: tzinfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        if _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except ValueError:
        pass
    return None
