"""VTEC: the code of an event in the alerts of the National Weather Service.

https://www.weather.gov/vtec/; the letters are defined in NWS instruction 10-1703.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

# /class.action.office.phenomenon.significance.number.begin-end/
_VTEC = re.compile(
    r"/([OTEX])\.([A-Z]{3})\.([A-Z0-9]{4})\.([A-Z]{2})\.([A-Z])\.(\d{4})\.\d{6}T\d{4}Z-(\d{6}T\d{4}Z)/", re.ASCII
)
ENDING_ACTIONS = frozenset({"CAN", "EXP", "UPG"})  # cancelled, expired, replaced by a more severe event


class Vtec(NamedTuple):
    """A message about an event: ``/O.CON.KABR.HT.Y.0002.000000T0000Z-260717T0300Z/``."""

    is_test: bool
    action: str  # NEW, CON (continued), EXT, EXA, EXB (extended in time, area or both), COR, ROU, or an ending one
    series: str  # "KABR.HT.Y.0002": office, phenomenon, significance, number of the event in its year
    ends: datetime | None  # None: until further notice


def parse_vtec(text: Any) -> Vtec | None:
    """Return the event in a VTEC string, or None if it is not one."""
    match = _VTEC.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return None
    kind, action, office, phenomenon, significance, number, ends = match.groups()
    return Vtec(kind == "T", action, f"{office}.{phenomenon}.{significance}.{number}", _parse_time(ends))


def _parse_time(text: str) -> datetime | None:
    """Return a time such as ``260717T0300Z``; None for ``000000T0000Z``, which means "until further notice"."""
    try:
        return datetime.strptime(text, "%y%m%dT%H%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None
