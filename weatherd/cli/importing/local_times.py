"""Times in files of other programs, which often lack a time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

POSIX = "posix"  # the format of seconds since 1970


def parse_local_time(
    text: str, form: str | None, zone: tzinfo, before: datetime | None, *, is_descending: bool = False
) -> datetime:
    """Return the moment in a text, in UTC. Raises ValueError or OverflowError.

    It is ISO 8601 without a *form*, which is ``posix`` or a format of ``strptime``. A time without an offset is local
    time in *zone*. One that comes twice, when the clock is put back, is the first, unless the row *before* it in the
    file has reached that: of 01:30, 02:30, 02:30, 03:30, the second 02:30 is an hour after the first. One that the
    clock skips is an hour later. In a file whose times descend, it is the second if the row before it is later.
    """
    if form == POSIX:
        return datetime.fromtimestamp(float(text), UTC)
    time = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 - see below
    if time.tzinfo:
        return time.astimezone(UTC)
    first, second = (time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if before and is_descending:
        return second if second < before else first
    return second if before and first <= before < second else first
