"""Costs of the journal beside its writing: ``python -m benchmarks.journal_costs [days] [history] [migration]``.

Prints JSON: the CPU time to store days, the time to read a city's months in a journal of ten years, and that to migrate
a file of an older version. Without arguments, all of them: a minute.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
import time
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.speed.processes import temporary_folder
from weatherd.city import City
from weatherd.journal.days.periods import split_days
from weatherd.journal.days.records import find_extremes, find_records
from weatherd.journal.reader import Reader
from weatherd.journal.rows import to_micros
from weatherd.journal.schema import read_script
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.observation import FetchedObservation, Observation

if TYPE_CHECKING:
    from pathlib import Path

_CITIES = [City(name=f"City {number}", id=f"c{number}", lat=number / 20, lon=0.0) for number in range(1000)]
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_PER_DAY = 96  # observations, every 15 minutes
_YEARS_BEGIN, _YEARS_END = date(2016, 1, 1), date(2026, 1, 1)
_OLD_ROWS = 3_000_000
_REPETITIONS = 5

_ADD_DAYS = """
WITH RECURSIVE dates(number) AS (SELECT ?1 UNION ALL SELECT number + 1 FROM dates WHERE number + 1 < ?2)
INSERT INTO day
SELECT number, id, random() % 200 / 10.0, at, random() % 300 / 10.0, at + 43200000000, 9.3, 24.0, 1.2, 15.5, 96, at,
  at + 85500000000, 'open-meteo'
FROM (SELECT number, number * 86400000000 AS at FROM dates) CROSS JOIN day_city
"""
_ADD_OLD_ROWS = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?)
INSERT INTO entry
SELECT n + 1, n % 1000 + 1, 1760000000000000 + n / 1000 * 900000000, 1760000004000000 + n / 1000 * 900000000,
  random() % 300 / 10.0, 1, 61, random() % 300 / 10.0, abs(random()) % 100, 1000 + random() % 300 / 10.0,
  abs(random()) % 1500 / 100.0, abs(random()) % 360, abs(random()) % 3000 / 100.0, abs(random()) % 20 / 10.0, 75.0, NULL
FROM numbers
"""


def measure_days(folder: Path) -> dict[str, float]:
    """Return the CPU microseconds an observation to store the days of 1,000 cities, the median of some repetitions."""
    store = Store(folder / JOURNAL_FILE)
    for number in range(_PER_DAY):
        store.add([FetchedObservation(city, _observe(city, number), follows=True) for city in _CITIES])
    end = to_micros(_BEGIN + timedelta(days=2))
    costs = []
    with contextlib.closing(Reader(folder / JOURNAL_FILE)) as reader:
        for _ in range(_REPETITIONS):
            store.days.register({}, "UTC")
            store.days.reopen_all()
            begin = time.process_time()
            while group := reader.find_open_days(end):
                store.days.put(reader.compute_days(group))
            costs.append(time.process_time() - begin)
    store.close()
    return {"days": median(costs) / len(_CITIES) / _PER_DAY * 1e6}


def _observe(city: City, number: int) -> Observation:
    at = _BEGIN + timedelta(days=1) * number / _PER_DAY
    values = (number % 70 / 7, 80.0, 1010.0 + number / 50, number % 30 / 3, float(number), number % 30 / 2)
    rain = number % 9 / 10 if number > _PER_DAY // 2 else 0.0
    return Observation(city.id, "open-meteo", at, at, number % 50 / 5, "rain", 61, "", *values, rain, 75.0)


def measure_history(folder: Path) -> dict[str, float]:
    """Return the milliseconds to read ten years of a city by month, where there are 1,000: the median of 20 cities."""
    Store(folder / JOURNAL_FILE).close()
    first, last = ((day - date(1970, 1, 1)).days for day in (_YEARS_BEGIN, _YEARS_END))
    with contextlib.closing(sqlite3.connect(folder / JOURNAL_FILE)) as db, db:
        rows = [(city.id, last * 86_400_000_000) for city in _CITIES]
        db.executemany("INSERT INTO day_city (city, zone, stored_until) VALUES (?, 'UTC', ?)", rows)
        db.execute(_ADD_DAYS, [first, last])
    with contextlib.closing(Reader(folder / JOURNAL_FILE)) as reader:
        took, cpu = zip(*(_read_months(reader, city) for city in _CITIES[:: len(_CITIES) // 20]), strict=True)
    return {"history": median(took) * 1e3, "history_cpu": median(cpu) * 1e3}


def _read_months(reader: Reader, city: City) -> tuple[float, float]:
    """Return the seconds that it takes, without the start of Python, and those of CPU time."""
    begin, cpu = time.monotonic(), time.process_time()
    days = reader.read_days(city.id, UTC, _YEARS_BEGIN, _YEARS_END)
    periods = list(split_days(days, "month", _YEARS_BEGIN, _YEARS_END))
    if sum(period.days for period in periods) != (_YEARS_END - _YEARS_BEGIN).days:
        raise RuntimeError(f"{city.id} has only {len(days)} days")
    find_records(days)
    find_extremes(days)
    return time.monotonic() - begin, time.process_time() - cpu


def measure_migration(folder: Path) -> dict[str, float]:
    """Return the seconds, and those of CPU time, to migrate 3 million observations of version 10."""
    file = folder / JOURNAL_FILE
    with contextlib.closing(sqlite3.connect(file)) as db:
        for number in range(1, 11):
            db.executescript(read_script(number))
        db.executescript("DROP TABLE last_1; DROP VIEW observation; DROP TABLE observation_6")
        db.execute("CREATE VIEW observation AS SELECT * FROM compact")
        db.executemany(
            "INSERT INTO series (city, provider, station) VALUES (?, 'fake', '')", [(c.id,) for c in _CITIES]
        )
        db.execute("INSERT INTO description (description) VALUES ('rain')")
        db.execute(_ADD_OLD_ROWS, [_OLD_ROWS])
        db.execute("UPDATE gathered SET seq = ?", [_OLD_ROWS])
        db.execute("PRAGMA user_version = 10")
        db.commit()
    cpu, begin = time.process_time(), time.monotonic()
    with contextlib.closing(Store(file)) as store:
        while store.move_old_entries():
            pass
    took = {"migration": time.monotonic() - begin, "migration_cpu": time.process_time() - cpu}
    with contextlib.closing(sqlite3.connect(file)) as db:
        if db.execute("SELECT count(*) FROM entry").fetchone() != (_OLD_ROWS,):
            raise RuntimeError("observations are missing after the migration")
    return took


MEASURES = {"days": measure_days, "history": measure_history, "migration": measure_migration}


def main(wanted: list[str]) -> None:
    """Measure what is wanted, each in a folder of its own."""
    found: dict[str, float] = {}
    for name in wanted:
        with temporary_folder() as folder:
            found |= MEASURES[name](folder)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:] or [*MEASURES])
