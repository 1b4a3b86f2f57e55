"""``weatherd days``: the days that the journal keeps."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.lookup import find_journal
from weatherd.cli.options import ConfigFile, load_journal_configuration
from weatherd.cli.terminal import print_text
from weatherd.formatting import format_count

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.config.loader import Configuration
    from weatherd.journal.days.reading import StoredDays


def days(
    config: ConfigFile = None,
    rebuild: Annotated[  # noqa: FBT002
        bool, typer.Option("--rebuild", help="Compute all days again whose observations are still there.")
    ] = False,
) -> int:
    """Show how many days the journal keeps, or compute them again, also while weatherd runs.

    A rebuild changes nothing, unless a day was changed by hand or by a fault. Days whose observations were deleted stay
    as they are. Exit code 74 if there is no journal.

    \b
    Examples:
      weatherd days
      weatherd days --rebuild
    """
    from weatherd.journal.reader import Reader

    configuration = load_journal_configuration(config)
    file = find_journal(configuration)
    with contextlib.closing(Reader(file)) as reader:
        before = reader.count_days()
        if rebuild:
            computed = asyncio.run(_rebuild(configuration, file, before.days))
            print_text(f"{format_count(computed, 'day', 'days')} computed")
        print_text(_describe(reader.count_days()))
    return ExitCode.OK


def _describe(stored: StoredDays) -> str:
    if stored.first is None:
        return "no days are stored yet: a day is stored 3 hours after its end, and shown before"
    days, cities = format_count(stored.days, "day", "days"), format_count(stored.cities, "city", "cities")
    return f"{days} of {cities}, from {stored.first} to {stored.last}"


async def _rebuild(configuration: Configuration, file: Path, total: int) -> int:
    """Compute the days again whose observations are still there; return their number."""
    from weatherd.cli.progress.bar import show_progress
    from weatherd.journal.days.calendar import name_zone
    from weatherd.journal.journal import open_journal
    from weatherd.text.local_zone import load_zone

    zones = {city.id: name_zone(load_zone(city.timezone)) for city in configuration.cities}
    default_zone = name_zone(load_zone(configuration.settings.timezone))
    async with open_journal(file.parent) as journal:
        await journal.move_old_entries()  # those that an older version wrote, or their days would be missing
        await journal.call(lambda store: store.days.reopen_all())
        with show_progress("computing days", total) as report:
            return await journal.store_days(zones, default_zone, datetime.now(UTC).timestamp(), report)
