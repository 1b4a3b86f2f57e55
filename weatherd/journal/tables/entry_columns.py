"""How the table ``entry`` stores the fields of an observation, and the SQL that writes and reads them.

A number that is a whole multiple of a tenth or a hundredth, as nearly all are, is stored as an integer of that unit,
which takes 1 to 3 bytes instead of 8: 6.2 °C is the integer 62. Every other number is stored as itself, a REAL, so that
each one is read as it was written, to the last bit. ``observed_at`` is in whole seconds (4 bytes), with the rest in
``observed_micros``; ``fetched_after`` is the time from then to the fetch in microseconds.
"""

from __future__ import annotations

from weatherd.observation import BACKFILL, FIELDS, IMPORT, LIVE

# The last two bits of ``entry.mark``. In those above them is the number of the judgement in the table ``quality``, or 0
# for OK. NULL stands for 0: an observation that this journal's daemon polled. LIVE is one that another daemon polled.
ORIGIN_CODES = {BACKFILL: 1, IMPORT: 2, LIVE: 3}
QUALITY_FACTOR = 4
WAS_POLLED = "(mark IS NULL OR mark & 3 = 0)"
_SCALES = {
    **dict.fromkeys(("temperature", "apparent_temperature", "pressure_msl"), 10),
    **dict.fromkeys(("wind_speed", "wind_gust", "precipitation"), 100),
}
# What is added before the fraction is cut off. Nothing for tenths, because x / 10 * 10 is x for every integer x of a
# sensible size (Kahan, see Goldberg, "What every computer scientist should know about floating-point arithmetic",
# theorem 7), also for negative ones; 0.29 * 100 is less than 29.
_ROUNDING = {10: "", 100: " + 0.5"}
_OBSERVED = "(entry.observed_at * 1000000 + observed_micros)"
WITH_DESCRIPTION = "CROSS JOIN description ON description.id = description_id"


def pack_value(name: str, value: str) -> str:
    """Return SQL for what is stored of a field with *value*, which is SQL, too."""
    if name not in _SCALES:
        return value
    scale = _SCALES[name]
    units = f"CAST({value} * {scale}.0{_ROUNDING[scale]} AS INTEGER)"
    return f"CASE {value} WHEN {units} / {scale}.0 THEN {units} ELSE {value} + 0.0 END"


# Each field as an expression over ``entry``, ``series`` and ``description``, as in the view ``observation``
ENTRY_COLUMNS = {
    name: f"iif(typeof({name}) = 'integer', {name} / {_SCALES[name]}.0, {name})" if name in _SCALES else name
    for name in FIELDS
} | {
    "observed_at": _OBSERVED,
    "fetched_at": f"({_OBSERVED} + fetched_after)",
    "origin": "CASE mark & 3 WHEN 1 THEN 'backfill' WHEN 2 THEN 'import' ELSE 'live' END",
    "quality": "iif(mark > 3, (SELECT text FROM quality WHERE id = mark >> 2), 'ok')",
}
# The origin of a row of the view ``observation`` for destinations and readers of events: what another daemon polled is
# not the current weather here
ORIGIN_HERE = f"""
CASE WHEN EXISTS (SELECT 1 FROM entry WHERE entry.seq = observation.seq AND mark & 3 = {ORIGIN_CODES[LIVE]})
THEN '{IMPORT}' ELSE origin END
"""
ENTRY_VALUES = ", ".join(ENTRY_COLUMNS.values())


def match_time(micros: str) -> str:
    """Return the SQL condition that an entry was observed at *micros*, SQL too; it uses the index."""
    return f"entry.observed_at = {floor_seconds(micros)} AND {_OBSERVED} = {micros}"


def floor_seconds(micros: str) -> str:
    """Return SQL for the whole seconds of POSIX microseconds, which may be negative."""
    return f"(({micros} - iif({micros} < 0, 999999, 0)) / 1000000)"
