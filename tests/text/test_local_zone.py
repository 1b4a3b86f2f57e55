"""The time zone of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import zoneinfo
from datetime import UTC, datetime

import pytest

from weatherd.text.local_zone import load_zone

CODE = """
import datetime, weatherd.text.local_zone as zones
zone = zones.load_zone(None)
for month in (1, 7):
    print(datetime.datetime(2026, month, 1, tzinfo=datetime.UTC).astimezone(zone).isoformat())
"""


@pytest.mark.parametrize(
    ("variable", "hours"),
    [
        ("Europe/Berlin", ("01:00:00+01:00", "02:00:00+02:00")),
        (":Asia/Tokyo", ("09:00:00+09:00", "09:00:00+09:00")),
        ("", ("00:00:00+00:00", "00:00:00+00:00")),
        ("XYZ-1", ("01:00:00+01:00", "01:00:00+01:00")),
        ("../no-zone", ("00:00:00+00:00", "00:00:00+00:00")),
    ],
)
def test_the_variable_tz_names_it(variable: str, hours: tuple[str, str]) -> None:
    """A name knows summer and winter; a rule has the offset of today; an unknown text means UTC, not an error."""
    environ = os.environ | {"TZ": variable}
    printed = subprocess.check_output([sys.executable, "-c", CODE], env=environ, text=True)  # noqa: S603
    assert tuple(line.partition("T")[2] for line in printed.split()) == hours


def test_a_named_zone_wins() -> None:
    """A city's own zone is used; without one, it is the machine's, which has the machine's offset."""
    assert load_zone("Asia/Tokyo") == zoneinfo.ZoneInfo("Asia/Tokyo")
    now = datetime.now(UTC)
    assert now.astimezone(load_zone(None)).utcoffset() == now.astimezone().utcoffset()
