"""``weatherd import``: add observations from files to the journal."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import contextlib
import re
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from weatherd.city import ID_PATTERN, is_zone, list_zones
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.importing.input_file import FileFormat
from weatherd.cli.options import ConfigFile, load_user_configuration
from weatherd.cli.terminal import print_text
from weatherd.text.duration import format_duration
from weatherd.text.local_zone import load_zone
from weatherd.text.suggestions import did_you_mean
from weatherd.text.units import ReaderUnits

if TYPE_CHECKING:
    from datetime import tzinfo

    from weatherd.config.loader import Configuration


def import_(  # noqa: PLR0917 - one parameter per option
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="CSV, JSON Lines or Parquet files; - is standard input.")
    ],
    config: ConfigFile = None,
    format: Annotated[  # noqa: A002 - the option's name
        FileFormat | None,
        typer.Option("--format", "-f", metavar="FORMAT", help="csv, jsonl or parquet; default: by the file's name."),
    ] = None,
    units: Annotated[
        ReaderUnits, typer.Option(metavar="UNITS", help="The --units of the export: metric, us or uk.")
    ] = "metric",
    city: Annotated[
        str | None, typer.Option(metavar="CITY", help="The city of all rows, for a CSV file of another program.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="FIELD=HEADING[:UNIT]", help="A column of that file; may be repeated."),
    ] = None,
    time_format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT", help="The form of its times: posix, or such as '%d.%m.%Y %H:%M'; default: ISO 8601."
        ),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="The time zone of its times; default: the city's.")
    ] = None,
    provider: Annotated[str, typer.Option(metavar="NAME", help="The source of its values.")] = "import",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read the files, but add nothing.")] = False,  # noqa: FBT002
) -> int:
    """Add observations from files to the journal, also while weatherd runs.

    A file of weatherd export needs no option. A CSV file of another program needs --city, and --column for each heading
    that is not the name of a field. An observation that the journal has is not added again, and none replaces what
    weatherd has observed itself. Bad lines are reported and skipped: exit code 65.

    \b
    Examples:
      weatherd import weather.parquet
      weatherd import 2025.csv.gz 2026.jsonl --dry-run
      weatherd import log.csv --city Kiel --column temperature=Temp:F
      ssh pi weatherd export -f jsonl | weatherd import - -f jsonl
    """
    from weatherd.cli.importing.city_names import CityNames
    from weatherd.cli.importing.input_file import find_format, measure_input
    from weatherd.cli.importing.journal_batches import store_batches
    from weatherd.cli.importing.reading import FileReader, ImportOptions
    from weatherd.cli.importing.summary import ImportSummary
    from weatherd.cli.lookup import find_journal
    from weatherd.cli.progress.bar import show_progress

    configuration = load_user_configuration(config)
    settings, now = configuration.settings, datetime.now(UTC)
    names = CityNames(configuration.cities, load_zone(settings.timezone), _find_zone(timezone))
    options = ImportOptions(
        units=units,
        city=city,
        columns=column or (),
        provider=_check_provider(provider),
        time_format=time_format,
        now=now,
        limits=settings.quality,
    )
    formats = [(file, format or find_format(file)) for file in files]
    summary, recorded = ImportSummary(), _list_recorded(configuration)
    reader = FileReader(options, names, summary)
    batches = chain.from_iterable(reader.read(*file) for file in formats)
    with show_progress("importing (bytes)", sum(map(measure_input, files))) as report:
        if dry_run:
            for batch in batches:
                if batch:
                    summary.count(batch)
                report(reader.bytes_read)
        else:
            journal = find_journal(configuration)
            asyncio.run(store_batches(journal, batches, summary, lambda: report(reader.bytes_read)))
    for line in summary.format(dry_run=dry_run):
        print_text(line)
    kept = settings.retention.raw
    if kept and summary.first and (now - summary.first).total_seconds() > kept:
        reason = f"weatherd run deletes observations after 'retention' ({format_duration(kept)})"
        print_text(f"{reason}, and keeps their days; null keeps them all", err=True)
    for line in names.describe_unlisted(summary.cities, recorded):
        print_text(line, err=True)
    return ExitCode.BAD_DATA if summary.bad_rows else ExitCode.OK


def _list_recorded(configuration: Configuration) -> list[str]:
    """Return the ids of the cities in the journal; none if there is no journal yet, or only that of another version."""
    from weatherd.cli.lookup import find_journal
    from weatherd.errors import StateError
    from weatherd.journal.reader import Reader

    with contextlib.suppress(StateError), contextlib.closing(Reader(find_journal(configuration))) as reader:
        return reader.list_cities()
    return []


def _find_zone(name: str | None) -> tzinfo | None:
    """Return a time zone, if one is named. Raises typer.BadParameter for an unknown name."""
    if name and not is_zone(name):
        hint = did_you_mean(name, sorted(list_zones()))
        raise typer.BadParameter(f"no time zone is named {name!r}{hint}", param_hint="'--timezone'")
    return load_zone(name) if name else None


def _check_provider(name: str) -> str:
    if not re.match(ID_PATTERN, name):
        reason = f"should have lower-case letters, digits, - and _, not {name!r}"
        raise typer.BadParameter(reason, param_hint="'--provider'")
    return name
