"""The choice of the observations that count for a day, where several services report. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.journal.days.calendar import HOUR_MICROS
from weatherd.journal.days.summary import Readings
from weatherd.observation import BACKFILL, IMPORT, find_suspect_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_VALUES = ("temperature", "precipitation", "wind_gust")
_COUNTED = (None, BACKFILL, IMPORT)


class DayRow(NamedTuple):
    """What days need of an observation in the journal."""

    series: int  # number of the service and station
    at: int  # POSIX microseconds
    temperature: float
    precipitation: float | None
    wind_gust: float | None
    origin: str | None  # None: live
    quality: str | None  # None: ok


def select_readings(rows: Sequence[tuple[Any, ...]], series: Mapping[int, tuple[str, str]]) -> Readings:
    """Return the readings of a city's rows, which have the values of a :class:`DayRow`, in order of time.

    *series* has the provider and the station by number. The live record counts. A row that was added later (backfill,
    import) counts where that is silent: not in an hour (UTC) in which another service or station reported live. Of
    several rows at a time, the live one counts, then the first in the order of provider and station: the order of their
    arrival does not matter.
    """
    numbers, at, temperature, precipitation, wind_gust, origins, qualities = zip(*rows, strict=True)
    if len(set(numbers)) == 1 and not any(origins) and not any(qualities):  # nearly always, and in a third of the time
        return Readings(at, [series[numbers[0]][0]] * len(at), temperature, precipitation, wind_gust)
    counted = (DayRow._make(row) for row in rows if row[-2] in _COUNTED)
    ordered = sorted(counted, key=lambda row: (row.at, row.origin is not None, series[row.series]))
    chosen: dict[int, DayRow] = {}
    for row in _drop_shadowed(ordered):
        chosen.setdefault(row.at, row)
    values = [(row.at, series[row.series][0], *_list_values(row)) for row in chosen.values()]
    return Readings(*zip(*values, strict=True)) if values else Readings((), (), (), (), ())


def _drop_shadowed(ordered: Sequence[DayRow]) -> Iterator[DayRow]:
    """Yield the live rows, and later ones where no other series was live in the same hour."""
    live: dict[int, set[int]] = {}
    for row in ordered:
        if row.origin is None:
            live.setdefault(row.at // HOUR_MICROS, set()).add(row.series)
    for row in ordered:
        if row.origin is None or row.series in live.get(row.at // HOUR_MICROS, {row.series}):
            yield row


def _list_values(row: DayRow) -> Iterator[float | None]:
    """Yield the values of a row; a suspect one is None."""
    suspect = find_suspect_fields(row.quality) if row.quality else ()
    for name in _VALUES:
        yield None if name in suspect else getattr(row, name)
