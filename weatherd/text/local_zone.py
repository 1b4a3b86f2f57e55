"""The time zone of this machine, as one of the zones of zoneinfo: an offset alone would not know past and future."""

from __future__ import annotations

import contextlib
import functools
import os
import zoneinfo
from datetime import UTC, datetime, tzinfo
from pathlib import Path

_LOCAL_TIME = Path("/etc/localtime")  # https://man7.org/linux/man-pages/man5/localtime.5.html


def load_zone(name: str | None) -> tzinfo:
    """Return the time zone with an IANA name, or this machine's for None."""
    return zoneinfo.ZoneInfo(name) if name else find_local_zone()


@functools.cache
def find_local_zone() -> tzinfo:
    """Return this machine's time zone: ``TZ``, or else that of /etc/localtime; UTC on a machine without one."""
    with contextlib.suppress(ValueError, OSError):
        if "TZ" in os.environ:
            return _load_variable(os.environ["TZ"].removeprefix(":"))
        return _load_file(_LOCAL_TIME)
    return UTC


def _load_variable(text: str) -> tzinfo:
    """Return the zone of ``TZ``: a name, a path, or a rule such as CET-1CEST, of which only today's offset is known."""
    with contextlib.suppress(zoneinfo.ZoneInfoNotFoundError):
        return _load_file(Path(text)) if text.startswith("/") else zoneinfo.ZoneInfo(text or "UTC")
    return datetime.now(UTC).astimezone().tzinfo or UTC


def _load_file(path: Path) -> tzinfo:
    """Return the zone in a file, with its name if the path leads to a folder ``zoneinfo``."""
    _, found, name = os.path.realpath(path).partition("/zoneinfo/")
    if found:
        with contextlib.suppress(zoneinfo.ZoneInfoNotFoundError):
            return zoneinfo.ZoneInfo(name)
    with path.open("rb") as file:
        return zoneinfo.ZoneInfo.from_file(file)
