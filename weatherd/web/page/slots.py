"""A city's observations by observation, hour or day, and their gaps. Pure functions of rows of the journal."""

from __future__ import annotations

import bisect
import itertools
import math
import statistics
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.observation import OK, find_suspect_fields
from weatherd.web.page.models import SlotsModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

_MEANS = ("apparent_temperature", "wind_speed", "pressure_msl", "relative_humidity", "cloud_cover", "visibility")
CHART_COLUMNS = ("temperature", *_MEANS, "wind_gust", "wind_direction", "precipitation", "provider", "quality")
_GAP = 2.5  # intervals without an observation
_MIN_GAP = 900.0  # seconds; a shorter gap cannot be seen in a chart
HOUR = 3600


class HistoryRow(NamedTuple):
    """The values of one observation that charts show; ``at`` is a POSIX time."""

    city: str
    at: float
    temperature: float
    apparent_temperature: float | None
    wind_speed: float | None
    pressure_msl: float | None
    relative_humidity: float | None
    cloud_cover: float | None
    visibility: float | None
    wind_gust: float | None
    wind_direction: float | None
    precipitation: float | None
    provider: str
    quality: str


def find_midnights(begin: float, end: float, zone: tzinfo) -> list[int]:
    """Return the starts of the days of a zone from the one of *begin* to the first after *end*, as POSIX times."""
    day = datetime.fromtimestamp(begin, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    midnights: list[int] = []
    while not midnights or midnights[-1] <= end:
        midnights.append(int(day.replace(tzinfo=zone).astimezone(UTC).timestamp()))
        day += timedelta(days=1)
    return midnights


def find_hours(midnights: Sequence[int]) -> list[int]:
    """Return the starts of all hours from the first to the last midnight; a day has 23 to 25."""
    return list(range(midnights[0], midnights[-1] + 1, HOUR))


def group_rows(rows: Sequence[HistoryRow], edges: Sequence[int]) -> SlotsModel:
    """Return a slot for each pair of edges with at least one row in ``(begin, end]``, because rain fell before it."""
    times = [row.at for row in rows]
    slots = SlotsBuilder()
    for begin, end in itertools.pairwise(edges):
        first, last = bisect.bisect_right(times, begin), bisect.bisect_right(times, end)
        if first < last:
            slots.add(begin, end, rows[first:last])
    return slots.build()


def keep_rows(rows: Sequence[HistoryRow]) -> SlotsModel:
    """Return a slot without duration for each row."""
    slots = SlotsBuilder()
    for row in rows:
        slots.add(int(row.at), int(row.at), [row])
    return slots.build()


class SlotsBuilder:
    """Columns that grow by one slot at a time."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in SlotsModel.model_fields}

    def add(self, begin: int, end: int, rows: Sequence[HistoryRow]) -> None:
        """Add a slot of at least one row. Suspect values do not count, unless all temperatures are suspect."""
        plausible = rows
        if any(row.quality != OK for row in rows):
            plausible = [row for row in rows if "temperature" not in find_suspect_fields(row.quality)]
            rows = [_hide_suspect(row) for row in rows]
        temperatures = [row.temperature for row in plausible or rows]
        values: dict[str, Any] = {name: _mean(getattr(row, name) for row in rows) for name in _MEANS}
        values |= {
            "begin": begin,
            "end": end,
            "temperature": round(statistics.fmean(temperatures), 2),
            "low": min(temperatures),
            "high": max(temperatures),
            "precipitation": sum_precipitation(rows),
            "wind_gust": max((row.wind_gust for row in rows if row.wind_gust is not None), default=None),
            "wind_direction": mean_direction([row.wind_direction for row in rows if row.wind_direction is not None]),
            "provider": rows[-1].provider,
            "suspect": not plausible,
            "hours": None,  # of days, which the journal has
        }
        for name, column in self._columns.items():
            column.append(values[name])

    def build(self) -> SlotsModel:
        """Return the columns."""
        return SlotsModel(**self._columns)


def _hide_suspect(row: HistoryRow) -> HistoryRow:
    """Return a row without its suspect values, but with its temperature, which each row has."""
    fields = find_suspect_fields(row.quality) - {"temperature"}
    return row._replace(**dict.fromkeys(fields)) if fields else row  # type: ignore[arg-type]


def _mean(values: Iterator[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.fmean(known), 2) if known else None


def sum_precipitation(rows: Sequence[HistoryRow]) -> float | None:
    """Return the precipitation in mm: the last value of each hour, because a value is the sum of an hour."""
    hours = {math.ceil(row.at / HOUR): row.precipitation for row in rows if row.precipitation is not None}
    return round(sum(hours.values()), 2) if hours else None


def mean_direction(degrees: Sequence[float]) -> float | None:
    """Return the mean direction as that of vectors, or None where they cancel out."""
    x = sum(math.cos(math.radians(angle)) for angle in degrees)
    y = sum(math.sin(math.radians(angle)) for angle in degrees)
    if not degrees or math.hypot(x, y) < 0.1 * len(degrees):
        return None
    return round(math.degrees(math.atan2(y, x)) % 360, 1)


def choose_gap_length(times: Sequence[float], interval: float) -> float:
    """Return the seconds after which a missing observation is a gap: 2.5 intervals.

    The interval is the longer one of the polls and of the observations, because a service may have one an hour.
    """
    steps = [later - earlier for earlier, later in itertools.pairwise(times) if later > earlier]
    return _GAP * max(interval, statistics.median(steps) if steps else 0.0)


def find_gaps(times: Sequence[float], begin: float, end: float, interval: float) -> list[tuple[int, int]]:
    """Return the times in ``[begin, end]`` without observations for too long, also before the first one."""
    limit = max(_MIN_GAP, choose_gap_length(times, interval))
    edges = [begin, *times, end]
    pairs = itertools.pairwise(edges)
    return [(int(earlier), int(later)) for earlier, later in pairs if later - earlier > limit]
