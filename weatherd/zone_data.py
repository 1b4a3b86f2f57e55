"""The time zone data in use: the system's or the package tzdata's, its version, and whether a newer one differs.

``zoneinfo`` prefers the system's files, however old they are: https://docs.python.org/3/library/zoneinfo.html#data-sources.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.resources
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.resources.abc import Traversable
    from zoneinfo import ZoneInfo

_PACKAGE = "package tzdata"
_COMPARED_DAYS = 366
_ANY_ZONE = "UTC"


class ZoneData(NamedTuple):
    """A set of time zones: where it is, and its version, such as 2026a; "" if it is unknown."""

    source: str
    version: str

    def __str__(self) -> str:
        return f"{self.version or 'unknown version'} ({self.source})"


@functools.cache  # because zoneinfo keeps the zones that it has loaded, also after an upgrade of the system
def find_zone_data() -> ZoneData:
    """Return the zone data in use."""
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / _ANY_ZONE).is_file():
            return ZoneData(str(folder), _read_version(folder))
    return ZoneData(_PACKAGE, _package_version())


def explain_outdated_zones(names: Iterable[str], now: datetime) -> str | None:
    """Return a warning if the package tzdata is newer and differs in one of the zones within a year, else None."""
    used, newer = find_zone_data(), _package_version()
    if not used.version or not newer or newer <= used.version:
        return None
    differences = {name: day for name in sorted(set(names)) if (day := _first_difference(name, now))}
    if not differences:
        return None
    zones = ", ".join(f"{name} from {day:%Y-%m-%d}" for name, day in differences.items())
    return (
        f"the zone data in use, {used}, is older than the {_PACKAGE}, {newer}, and differs for {zones}. Upgrade the "
        "system's time zone data, or set PYTHONTZPATH to an empty text, so that the package is used"
    )


def _read_version(folder: Traversable) -> str:
    """Return the version in the first line of tzdata.zi, ``# version 2025b``, or in +VERSION, as macOS names it."""
    for name in ("tzdata.zi", "+VERSION"):
        with contextlib.suppress(OSError), (folder / name).open("rb") as lines:
            return lines.readline(64).decode(errors="replace").removeprefix("# version").strip()
    return ""


def _find_package() -> Traversable:
    """Return the folder of the package's zones. Raises ImportError if it is not installed."""
    return importlib.resources.files("tzdata") / "zoneinfo"


def _package_version() -> str:
    with contextlib.suppress(ImportError):
        return _read_version(_find_package())
    return ""


def _first_difference(name: str, now: datetime) -> datetime | None:
    """Return the first of the next 366 days whose offset from UTC differs between the two, or None."""
    ours, theirs = zoneinfo.ZoneInfo(name), _load_from_package(name)
    days = (now.astimezone(UTC) + timedelta(days=number) for number in range(_COMPARED_DAYS))
    return next((day for day in days if theirs and _differs(day, ours, theirs)), None)


def _differs(moment: datetime, ours: ZoneInfo, theirs: ZoneInfo) -> bool:
    return moment.astimezone(ours).utcoffset() != moment.astimezone(theirs).utcoffset()


def _load_from_package(name: str) -> ZoneInfo | None:
    """Return a zone of the package, or None if it does not have it."""
    try:
        with _find_package().joinpath(*name.split("/")).open("rb") as file:
            return zoneinfo.ZoneInfo.from_file(file, name)
    except OSError:
        return None
